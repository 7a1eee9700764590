%% One process told in bursts, each burst waited for.
-module(tell).
-export([run/1]).

-define(BURST, 10000).

run(Messages) ->
    Self = self(),
    Counter = spawn(fun() -> count(Self, 0) end),
    Handled = bursts(Counter, 0, Messages, 0),
    exit(Counter, kill),
    Handled.

bursts(_Counter, Sent, Messages, Handled) when Sent >= Messages -> Handled;
bursts(Counter, Sent, Messages, _Handled) ->
    burst(Counter, Sent, 0),
    receive
        {arrived, Handled} -> bursts(Counter, Sent + ?BURST, Messages, Handled)
    end.

burst(_Counter, _Sent, ?BURST) -> ok;
burst(Counter, Sent, I) ->
    Counter ! {Sent + I, I =:= ?BURST - 1},
    burst(Counter, Sent, I + 1).

count(Parent, N) ->
    receive
        {_, true} ->
            Parent ! {arrived, N + 1},
            count(Parent, N + 1);
        {_, false} ->
            count(Parent, N + 1)
    end.
