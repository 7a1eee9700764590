%% Runs scenarios on the supervisor of this Erlang/OTP and prints their traces, as JSON, one a line.
%%
%% A scenario is {Name, Flags, [{Id, Restart, Shutdown, Significant, Plan}], Events}, as erlang.ts writes it. Who speaks
%% sends its word to one process, so the order of a trace is that in which the words were said.
-module(otp_scenarios).
-behaviour(supervisor).
-export([main/2, init/1, start_kid/2, kid/3]).

-define(SCENARIO_MS_MAX, 60000).
%% So often in a row nobody may have anything to do before the next event is applied.
-define(CALM, 3).
%% So many scenarios are played before the first one that counts.
-define(WARM_UP, 5).

main(In, Out) ->
    logger:set_primary_config(level, none),
    {ok, Scenarios} = file:consult(In),
    %% What an emulator does for the first time takes it longer, and others speak meanwhile.
    lists:foreach(fun trace/1, lists:sublist(Scenarios, ?WARM_UP)),
    {ok, File} = file:open(Out, [write]),
    lists:foreach(fun(Scenario) -> print(File, element(1, Scenario), trace(Scenario)) end, Scenarios),
    ok = file:close(File).

print(File, Name, Words) ->
    Quoted = lists:join(",", [["\"", Word, "\""] || Word <- Words]),
    io:format(File, "{\"name\":\"~s\",\"trace\":[~s]}~n", [Name, Quoted]).

trace({_Name, Flags, Kids, Events}) ->
    Words = spawn(fun() -> words([]) end),
    true = register(words, Words),
    starts = ets:new(starts, [named_table, public]),
    {Caller, Monitor} = spawn_monitor(fun() -> play(Flags, Kids, Events) end),
    receive
        {'DOWN', Monitor, process, Caller, normal} -> ok;
        {'DOWN', Monitor, process, Caller, Reason} -> say("harness_failed:~0p", [Reason])
    after ?SCENARIO_MS_MAX ->
        say("harness_failed:timeout", []),
        exit(Caller, kill)
    end,
    Words ! {all, self()},
    Said = receive {words, All} -> All end,
    ets:delete(starts),
    lists:takewhile(fun(Word) -> Word =/= "over" end, Said).

words(Said) ->
    receive
        {word, Word} -> words([Word | Said]);
        {all, To} ->
            unregister(words),
            To ! {words, lists:reverse(Said)}
    end.

say(Format, Args) -> words ! {word, lists:flatten(io_lib:format(Format, Args))}.

%% The caller

play(Flags, Kids, Events) ->
    process_flag(trap_exit, true),
    case supervisor:start_link(?MODULE, {Flags, Kids}) of
        {ok, Sup} ->
            say("up", []),
            rest(Sup),
            lists:foreach(fun(Event) -> event(Event, Sup) end, Events),
            finish(Sup),
            %% What its children say from here on is not of the scenario.
            say("over", []),
            end_at_once(Sup);
        {error, Reason} -> say("start_error:~s", [reason(Reason)])
    end.

finish(Sup) ->
    case is_process_alive(Sup) of
        true -> say_children(Sup);
        false -> receive {'EXIT', Sup, Reason} -> say("sup_exit:~s", [reason(Reason)]) after 0 -> ok end
    end.

end_at_once(Sup) ->
    Children = case is_process_alive(Sup) of
        true -> [Pid || {_, Pid, _, _} <- supervisor:which_children(Sup), is_pid(Pid)];
        false -> []
    end,
    [await_end(Pid, fun() -> exit(Pid, kill) end) || Pid <- [Sup | Children]].

await_end(Pid, Do) ->
    Monitor = monitor(process, Pid),
    Do(),
    receive {'DOWN', Monitor, process, Pid, _} -> ok end.

event(Event, Sup) ->
    case is_process_alive(Sup) of
        true -> apply_event(Event, Sup), rest(Sup);
        false -> say("skip", [])
    end.

apply_event({die, Id, Reason}, Sup) ->
    with_pid(Id, Sup, fun(Pid) -> await_end(Pid, fun() -> Pid ! {die, Reason} end) end);
apply_event({kill, Id}, Sup) ->
    with_pid(Id, Sup, fun(Pid) -> say("kill:~p", [Id]), await_end(Pid, fun() -> exit(Pid, kill) end) end);
apply_event({terminate, Id}, Sup) ->
    say("terminate_child:~p:~s", [Id, result(supervisor:terminate_child(Sup, Id))]);
apply_event({restart, Id}, Sup) ->
    say("restart_child:~p:~s", [Id, result(supervisor:restart_child(Sup, Id))]);
apply_event({delete, Id}, Sup) ->
    say("delete_child:~p:~s", [Id, result(supervisor:delete_child(Sup, Id))]);
apply_event({children}, Sup) -> say_children(Sup);
apply_event({sleep, Ms}, _Sup) -> timer:sleep(Ms), say("slept:~p", [Ms]);
apply_event({stop}, Sup) ->
    exit(Sup, shutdown),
    receive {'EXIT', Sup, Reason} -> say("sup_down:~s", [reason(Reason)]) end.

with_pid(Id, Sup, Do) ->
    case lists:keyfind(Id, 1, supervisor:which_children(Sup)) of
        {_, Pid, _, _} when is_pid(Pid) -> Do(Pid);
        _ -> say("nopid", [])
    end.

%% Until the supervisor has answered several times in a row that nobody is being restarted, or on its way to its end.
rest(Sup) -> rest(Sup, 0).
rest(_Sup, ?CALM) -> ok;
rest(Sup, Calm) ->
    timer:sleep(1),
    try supervisor:which_children(Sup) of
        Children ->
            case lists:any(fun is_under_way/1, Children) of
                true -> rest(Sup, 0);
                false -> rest(Sup, Calm + 1)
            end
    catch
        exit:_ -> ok
    end.

is_under_way({_, restarting, _, _}) -> true;
is_under_way({_, Pid, _, _}) -> is_pid(Pid) andalso not is_process_alive(Pid).

say_children(Sup) ->
    Children = lists:reverse(supervisor:which_children(Sup)),
    say("children:~s", [lists:join(" ", [io_lib:format("~p=~s", [Id, status(Pid)]) || {Id, Pid, _, _} <- Children])]).

status(Pid) when is_pid(Pid) -> "up";
status(Status) -> atom_to_list(Status).

result(ok) -> "ok";
result({ok, undefined}) -> "ok_undefined";
result({ok, Pid}) when is_pid(Pid) -> "ok_pid";
result({error, Name}) -> io_lib:format("error_~p", [Name]).

%% The first words of a reason: what follows differs with every run.
reason({What, Why}) when is_tuple(Why) -> io_lib:format("~p_~p", [What, element(1, Why)]);
reason({What, Why}) -> io_lib:format("~p_~p", [What, Why]);
reason(What) -> io_lib:format("~p", [What]).

%% The supervisor and its children

init({Flags, Kids}) ->
    {ok, {Flags, [
        #{id => Id, start => {?MODULE, start_kid, [Id, Plan]}, restart => Restart, shutdown => Shutdown, significant => Significant}
        || {Id, Restart, Shutdown, Significant, Plan} <- Kids
    ]}}.

start_kid(Id, Plan) ->
    Nth = ets:update_counter(starts, Id, 1, {Id, 0}),
    case lists:nth(min(Nth, length(Plan)), Plan) of
        error -> say("start_fail:~p:~p", [Id, Nth]), {error, start_failed};
        ignore -> say("ignore:~p:~p", [Id, Nth]), ignore;
        Step -> proc_lib:start_link(?MODULE, kid, [Id, Nth, Step])
    end.

kid(Id, Nth, Step) ->
    process_flag(trap_exit, true),
    say("start:~p:~p", [Id, Nth]),
    proc_lib:init_ack({ok, self()}),
    case Step of
        {dies, Reason} -> die(Id, Nth, Reason);
        _ -> live(Id, Nth, Step)
    end.

live(Id, Nth, Step) ->
    receive
        {die, Reason} -> die(Id, Nth, Reason);
        {'EXIT', _, _} when Step =:= stubborn -> say("ignores_shutdown:~p:~p", [Id, Nth]), live(Id, Nth, Step);
        {'EXIT', _, Reason} -> say("stop:~p:~p:~s", [Id, Nth, reason(Reason)]), exit(Reason)
    end.

die(Id, Nth, Reason) ->
    say("die:~p:~p:~s", [Id, Nth, reason(Reason)]),
    exit(Reason).
