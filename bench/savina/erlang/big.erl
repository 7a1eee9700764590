-module(big).
-export([run/2]).

run(Pings, Actors) ->
    Sink = self(),
    Members = [spawn(fun() -> join(Sink, Seed, Pings) end) || Seed <- lists:seq(0, Actors - 1)],
    Neighbours = list_to_tuple(Members),
    [Member ! {neighbours, Neighbours} || Member <- Members],
    [Member ! {pong, Sink} || Member <- Members],
    Answered = lists:sum([
        receive
            {answered, N} -> N
        end
     || _ <- Members
    ]),
    [exit(Member, kill) || Member <- Members],
    Answered.

join(Sink, Random, Pings) ->
    receive
        {neighbours, Neighbours} -> member(Sink, Neighbours, Random, 0, Pings)
    end.

member(Sink, Neighbours, Random, Sent, Pings) ->
    receive
        {ping, From} ->
            From ! {pong, self()},
            member(Sink, Neighbours, Random, Sent, Pings);
        {pong, _} when Sent =:= Pings ->
            Sink ! {answered, Sent},
            member(Sink, Neighbours, Random, Sent, Pings);
        {pong, _} ->
            Next = lcg:next(Random),
            element(lcg:below(Next, tuple_size(Neighbours)) + 1, Neighbours) ! {ping, self()},
            member(Sink, Neighbours, Next, Sent + 1, Pings)
    end.
