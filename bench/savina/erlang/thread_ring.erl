-module(thread_ring).
-export([run/2]).

run(Actors, Hops) ->
    Self = self(),
    Members = [spawn(fun() -> join(Self) end) || _ <- lists:seq(1, Actors)],
    [First | Others] = Members,
    [Member ! {next, Next} || {Member, Next} <- lists:zip(Members, Others ++ [First])],
    First ! {ping, Hops},
    lists:sum([
        receive
            {hopped, N} -> N
        end
     || _ <- Members
    ]).

join(Parent) ->
    receive
        {next, Next} -> member(Parent, Next, 0)
    end.

member(Parent, Next, Hopped) ->
    receive
        {ping, Left} when Left > 1 ->
            Next ! {ping, Left - 1},
            member(Parent, Next, Hopped + 1);
        {ping, _} ->
            Next ! exit,
            member(Parent, Next, Hopped + 1);
        exit ->
            Next ! exit,
            Parent ! {hopped, Hopped}
    end.
