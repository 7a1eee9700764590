-module(sleeping_barber).
-export([run/4]).

-define(LEAST_WORK, 10).

run(Haircuts, Seats, ProductionRate, HaircutRate) ->
    Barber = spawn(fun() -> barber(1, HaircutRate) end),
    Room = spawn(fun() -> room(Barber, queue:new(), 0, Seats, true) end),
    self() ! {start, Haircuts},
    Served = factory(Room, 2, ProductionRate, 0, Haircuts),
    exit(Room, kill),
    exit(Barber, kill),
    Served.

factory(_Room, _Random, _Rate, Haircuts, Haircuts) -> Haircuts;
factory(Room, Random, Rate, Served, Haircuts) ->
    receive
        {start, Left} ->
            Factory = self(),
            Room ! {enter, spawn(fun() -> customer(Factory) end)},
            Next = work(Random, Rate),
            Left > 1 andalso (self() ! {start, Left - 1}),
            factory(Room, Next, Rate, Served, Haircuts);
        {returned, Customer} ->
            Room ! {enter, Customer},
            factory(Room, Random, Rate, Served, Haircuts);
        done ->
            factory(Room, Random, Rate, Served + 1, Haircuts)
    end.

customer(Factory) ->
    receive
        full ->
            Factory ! {returned, self()},
            customer(Factory);
        done ->
            Factory ! done;
        _ ->
            customer(Factory)
    end.

room(Barber, Waiting, Count, Seats, BarberSleeps) ->
    receive
        next when Count =:= 0 ->
            Barber ! wait,
            room(Barber, Waiting, 0, Seats, true);
        next ->
            {{value, Customer}, Others} = queue:out(Waiting),
            Barber ! {enter, Customer, self()},
            room(Barber, Others, Count - 1, Seats, false);
        {enter, Customer} when Count =:= Seats ->
            Customer ! full,
            room(Barber, Waiting, Count, Seats, BarberSleeps);
        {enter, Customer} ->
            case BarberSleeps of
                true -> self() ! next;
                false -> Customer ! wait
            end,
            room(Barber, queue:in(Customer, Waiting), Count + 1, Seats, false)
    end.

barber(Random, Rate) ->
    receive
        wait ->
            barber(Random, Rate);
        {enter, Customer, Room} ->
            Customer ! start,
            Next = work(Random, Rate),
            Customer ! done,
            Room ! next,
            barber(Next, Rate)
    end.

work(Random, Average) ->
    lcg:busy_wait(lcg:next(Random), lcg:below(Random, Average) + ?LEAST_WORK).
