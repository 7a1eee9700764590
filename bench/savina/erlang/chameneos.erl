-module(chameneos).
-export([run/2]).

run(Chameneos, Meetings) ->
    Mall = self(),
    [spawn(fun() -> arrive(Mall, I rem 3) end) || I <- lists:seq(0, Chameneos - 1)],
    mall(Meetings, none, Chameneos, 0) div 2.

mall(_Meetings, _Waiting, 0, Met) -> Met;
mall(Meetings, Waiting, Unfaded, Met) ->
    receive
        {meet, _, From} when Meetings =:= 0 ->
            From ! {exit, self()},
            mall(Meetings, Waiting, Unfaded, Met);
        {meet, _, From} when Waiting =:= none ->
            mall(Meetings, From, Unfaded, Met);
        {meet, Colour, From} ->
            Waiting ! {meet, Colour, From},
            mall(Meetings - 1, none, Unfaded, Met);
        {faded, N} ->
            mall(Meetings, Waiting, Unfaded - 1, Met + N)
    end.

arrive(Mall, Colour) ->
    Mall ! {meet, Colour, self()},
    chameneo(Mall, Colour, 0).

chameneo(Mall, Colour, Met) ->
    receive
        {meet, Other, From} ->
            New = complement(Colour, Other),
            From ! {change, New},
            Mall ! {meet, New, self()},
            chameneo(Mall, New, Met + 1);
        {change, New} ->
            Mall ! {meet, New, self()},
            chameneo(Mall, New, Met + 1);
        {exit, From} ->
            From ! {faded, Met}
    end.

complement(Colour, Colour) -> Colour;
complement(Mine, Other) -> 3 - Mine - Other.
