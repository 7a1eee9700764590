%% Processes told in turn, spawning included. Each tells its parent once it has had all its messages.
-module(many_actors).
-export([run/2]).

run(Processes, Each) ->
    Self = self(),
    Pids = [spawn(fun() -> count(Self, 0, Each) end) || _ <- lists:seq(1, Processes)],
    rounds(Pids, 0, Each),
    collect(Processes, 0).

rounds(_Pids, Each, Each) -> ok;
rounds(Pids, K, Each) ->
    tell_all(Pids, K),
    rounds(Pids, K + 1, Each).

tell_all([], _K) -> ok;
tell_all([Pid | Pids], K) ->
    Pid ! {k, K},
    tell_all(Pids, K).

count(Parent, Each, Each) -> Parent ! {handled, Each};
count(Parent, N, Each) ->
    receive
        {k, _} -> count(Parent, N + 1, Each)
    end.

collect(0, Handled) -> Handled;
collect(Processes, Handled) ->
    receive
        {handled, N} -> collect(Processes - 1, Handled + N)
    end.
