%% Runs workloads on request, so that Erlang is measured in turn with the others: the emulator starts once.
%%
%%     stdin    ping_pong 40000          module and whole numbers, for Module:run(…)
%%     stdout   12345678 40000           nanoseconds, and what run answered
%%
%% All modules of the folders given are compiled first. Each run has a process of its own, so that it begins with an
%% empty heap and mailbox. The end of stdin ends the emulator, and so does a run that fails or hangs: no orphan outlives
%% the bench.
-module(driver).
-export([start/1]).

-define(RUN_MS_MAX, 300000).

start(Folders) ->
    [load(File) || Folder <- Folders, File <- filelib:wildcard(filename:join(Folder, "*.erl"))],
    loop().

loop() ->
    case io:get_line('') of
        eof ->
            halt(0);
        Line ->
            [Name | Numbers] = string:lexemes(Line, " \n"),
            Module = list_to_atom(Name),
            {Nanoseconds, Answer} = timed(Module, [list_to_integer(Number) || Number <- Numbers]),
            io:format("~b ~b~n", [Nanoseconds, Answer]),
            loop()
    end.

timed(Module, Arguments) ->
    {Pid, Monitor} = spawn_monitor(fun() ->
        Start = erlang:monotonic_time(nanosecond),
        Answer = apply(Module, run, Arguments),
        exit({done, erlang:monotonic_time(nanosecond) - Start, Answer})
    end),
    receive
        {'DOWN', Monitor, process, Pid, {done, Nanoseconds, Answer}} -> {Nanoseconds, Answer};
        {'DOWN', Monitor, process, Pid, Reason} -> failed(Module, Reason)
    after ?RUN_MS_MAX -> failed(Module, timeout)
    end.

load(File) ->
    case filename:basename(File) of
        "driver.erl" -> ok;
        _ ->
            {ok, Module, Binary} = compile:file(File, [binary, report_errors]),
            {module, Module} = code:load_binary(Module, File, Binary)
    end.

failed(Module, Reason) ->
    io:format(standard_error, "~p: ~p~n", [Module, Reason]),
    halt(1).
