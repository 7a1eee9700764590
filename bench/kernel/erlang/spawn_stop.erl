%% Processes that handle one message, tell that they end, and end; 1,000 at a time.
-module(spawn_stop).
-export([run/1]).

-define(BATCH, 1000).

run(Processes) -> batches(Processes, 0).

batches(Processes, Ended) when Ended >= Processes -> Ended;
batches(Processes, Ended) ->
    Self = self(),
    start(Self, ?BATCH),
    collect(?BATCH),
    batches(Processes, Ended + ?BATCH).

start(_Parent, 0) -> ok;
start(Parent, Left) ->
    Pid = spawn(fun() -> once(Parent) end),
    Pid ! {first, true},
    start(Parent, Left - 1).

once(Parent) ->
    receive
        {first, true} -> Parent ! ended
    end.

collect(0) -> ok;
collect(Left) ->
    receive
        ended -> collect(Left - 1)
    end.
