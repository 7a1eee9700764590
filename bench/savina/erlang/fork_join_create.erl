-module(fork_join_create).
-export([run/1]).

-define(THETA, 37.2).

run(Actors) ->
    start(self(), Actors),
    collect(Actors, 0).

start(_Parent, 0) -> ok;
start(Parent, Left) ->
    Worker = spawn(fun() -> work(Parent) end),
    Worker ! {theta, ?THETA},
    start(Parent, Left - 1).

work(Parent) ->
    receive
        {theta, Theta} ->
            lcg:compute_sine(Theta),
            Parent ! ended
    end.

collect(0, Ended) -> Ended;
collect(Left, Ended) ->
    receive
        ended -> collect(Left - 1, Ended + 1)
    end.
