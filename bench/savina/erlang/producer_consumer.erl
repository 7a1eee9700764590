%% Savina's protocol: the manager says who may produce and who consumes, so that the buffer stays within its size.
-module(producer_consumer).
-export([run/5]).

run(Buffer, Producers, Consumers, Items, Cost) ->
    Manager = self(),
    Free = [spawn(fun() -> consume(Manager, 0, Cost) end) || _ <- lists:seq(1, Consumers)],
    Making = [spawn(fun() -> produce(Manager, 0, Items, Cost) end) || _ <- lists:seq(1, Producers)],
    [Producer ! produce || Producer <- Making],
    Consumed = manage(Buffer - Producers, queue:new(), queue:new(), queue:from_list(Free), Producers * Items, 0),
    [exit(Pid, kill) || Pid <- Free ++ Making],
    Consumed.

manage(_Room, _Pending, _Held, _Free, Total, Total) -> Total;
manage(Room, Pending, Held, Free, Total, Consumed) ->
    receive
        {item, Item, Producer} ->
            {Pending1, Free1} = hand_over(Item, Pending, Free),
            case queue:len(Pending1) >= Room of
                true ->
                    manage(Room, Pending1, queue:in(Producer, Held), Free1, Total, Consumed);
                false ->
                    Producer ! produce,
                    manage(Room, Pending1, Held, Free1, Total, Consumed)
            end;
        {free, Consumer} ->
            case queue:out(Pending) of
                {empty, _} ->
                    manage(Room, Pending, Held, queue:in(Consumer, Free), Total, Consumed + 1);
                {{value, Item}, Pending1} ->
                    Consumer ! {item, Item},
                    manage(Room, Pending1, release(Held), Free, Total, Consumed + 1)
            end
    end.

hand_over(Item, Pending, Free) ->
    case queue:out(Free) of
        {empty, _} ->
            {queue:in(Item, Pending), Free};
        {{value, Consumer}, Free1} ->
            Consumer ! {item, Item},
            {Pending, Free1}
    end.

release(Held) ->
    case queue:out(Held) of
        {empty, _} ->
            Held;
        {{value, Producer}, Held1} ->
            Producer ! produce,
            Held1
    end.

produce(_Manager, _Item, 0, _Cost) -> ok;
produce(Manager, Item, Left, Cost) ->
    receive
        produce ->
            Next = lcg:process_item(Item, Cost),
            Manager ! {item, Next, self()},
            produce(Manager, Next, Left - 1, Cost)
    end.

consume(Manager, Result, Cost) ->
    receive
        {item, Item} ->
            Next = lcg:process_item(Result + Item, Cost),
            Manager ! {free, self()},
            consume(Manager, Next, Cost)
    end.
