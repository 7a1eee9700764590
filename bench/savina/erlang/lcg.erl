%% The numbers that ../random.mjs draws, as unsigned 32-bit integers, and the work that is made of them.
-module(lcg).
-export([next/1, below/2, busy_wait/2, process_item/2, compute_sine/1]).

next(State) -> (State * 1664525 + 1013904223) band 16#ffffffff.

below(State, Bound) -> (State bsr 8) rem Bound.

busy_wait(State, 0) -> State;
busy_wait(State, Steps) -> busy_wait(next(State), Steps - 1).

process_item(Item, Cost) -> process_item(Item, Cost, max(1, Cost * 100)).

process_item(Result, _State, 0) -> Result;
process_item(Result, State, Left) ->
    Next = next(State),
    process_item(Result + math:log(Next / 4294967296 + 0.01), Next, Left - 1).

compute_sine(Theta) ->
    Sine = math:sin(Theta),
    true = Sine * Sine > 0.
