-module(counting).
-export([run/1]).

run(Messages) ->
    Self = self(),
    Counter = spawn(fun() -> count(0) end),
    spawn(fun() -> produce(Self, Counter, Messages) end),
    receive
        {count, Count} -> Count
    end.

produce(Parent, Counter, 0) ->
    Counter ! {retrieve, self()},
    receive
        {count, Count} -> Parent ! {count, Count}
    end;
produce(Parent, Counter, Left) ->
    Counter ! {increment, Left},
    produce(Parent, Counter, Left - 1).

count(N) ->
    receive
        {increment, _} -> count(N + 1);
        {retrieve, From} -> From ! {count, N}
    end.
