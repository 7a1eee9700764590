-module(fork_join_throughput).
-export([run/2]).

-define(THETA, 37.2).

run(Messages, Actors) ->
    Self = self(),
    Workers = [spawn(fun() -> work(Self, 0, Messages) end) || _ <- lists:seq(1, Actors)],
    rounds(Workers, Messages),
    lists:sum([
        receive
            {handled, N} -> N
        end
     || _ <- Workers
    ]).

rounds(_Workers, 0) -> ok;
rounds(Workers, Left) ->
    tell_all(Workers),
    rounds(Workers, Left - 1).

tell_all([]) -> ok;
tell_all([Worker | Workers]) ->
    Worker ! {theta, ?THETA},
    tell_all(Workers).

work(Parent, Messages, Messages) -> Parent ! {handled, Messages};
work(Parent, N, Messages) ->
    receive
        {theta, Theta} ->
            lcg:compute_sine(Theta),
            work(Parent, N + 1, Messages)
    end.
