%% Two processes, one message under way.
-module(ping_pong).
-export([run/1]).

run(Rounds) ->
    Self = self(),
    Pong = spawn(fun pong/0),
    Ping = spawn(fun() -> ping(Self, 0, Rounds) end),
    Ping ! {from, Pong},
    receive
        {rounds, N} ->
            exit(Pong, kill),
            N
    end.

pong() ->
    receive
        {from, Ping} ->
            Ping ! {from, self()},
            pong()
    end.

ping(Parent, N, Rounds) ->
    receive
        {from, _} when N + 1 =:= Rounds ->
            Parent ! {rounds, N + 1};
        {from, Pong} ->
            Pong ! {from, self()},
            ping(Parent, N + 1, Rounds)
    end.
