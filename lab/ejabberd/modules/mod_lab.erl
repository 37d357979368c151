%% Gives every account of the lab's secrets file its password, makes the lab's rooms, and makes and removes the extra
%% accounts of `lab/lab accounts`. Files, not ejabberdctl: passwords never stand in the arguments of a process.
%% lab-ejabberd compiles this when the server starts.
-module(mod_lab).
-behaviour(gen_mod).

-export([start/2, stop/1, reload/3, depends/2, mod_options/1, mod_doc/0]).
-export([fill/0, sync_extra/0]).

-define(TABLE, "/etc/lab/lab.json").
-define(SECRETS, "/etc/lab/secrets.json").
-define(EXTRA, "/var/lib/ejabberd/lab_accounts.json").
-define(MADE, "/var/lib/ejabberd/lab_accounts.json.made").

start(_Host, _Options) ->
    %% Modules start before there is a store of accounts.
    ejabberd_hooks:add(ejabberd_started, ?MODULE, fill, 10),
    ejabberd_hooks:add(config_reloaded, ?MODULE, sync_extra, 90),
    ok.

stop(_Host) ->
    ejabberd_hooks:delete(ejabberd_started, ?MODULE, fill, 10),
    ejabberd_hooks:delete(config_reloaded, ?MODULE, sync_extra, 90),
    ok.

fill() ->
    [Host | _] = ejabberd_option:hosts(),
    {Secrets} = read_json(?SECRETS),
    [ensure(User, Host, Password)
     || {Jid, Password} <- Secrets, [User, Domain] <- [binary:split(Jid, <<"@">>)], Domain =:= Host],
    [make_room(Name, Title, Host) || {Name, Title} <- rooms()].

reload(_Host, _New, _Old) -> ok.

depends(_Host, _Options) -> [{mod_muc, hard}, {mod_muc_admin, hard}].

mod_options(_Host) -> [].

mod_doc() -> #{desc => <<"The lab's accounts and rooms.">>}.

read_json(Path) ->
    {ok, Text} = file:read_file(Path),
    jiffy:decode(Text).

rooms() ->
    {Table} = read_json(?TABLE),
    {Rooms} = proplists:get_value(<<"rooms">>, Table),
    Rooms.

ensure(User, Host, Password) ->
    case ejabberd_auth:check_password(User, <<>>, Host, Password) of
        true -> ok;
        _ ->
            case ejabberd_auth:user_exists(User, Host) of
                true -> ok = ejabberd_auth:set_password(User, Host, Password);
                _ -> ok = ejabberd_auth:try_register(User, Host, Password)
            end
    end.

%% Makes the room unless it is there from an earlier start.
make_room(Name, Title, Host) ->
    Options = [{<<"title">>, Title}, {<<"persistent">>, <<"true">>}, {<<"public">>, <<"true">>}],
    mod_muc_admin:create_room_with_opts(Name, <<"conference.", Host/binary>>, Host, Options).

%% `ejabberdctl reload_config` runs this: brings the extra accounts to the number that lab/lab wrote down, and answers
%% with the number that there are.
sync_extra() ->
    case filelib:is_regular(?EXTRA) of
        false -> ok;
        true ->
            {Wanted} = read_json(?EXTRA),
            Count = proplists:get_value(<<"count">>, Wanted),
            [Host | _] = ejabberd_option:hosts(),
            change_extra(made(), Count, Host, proplists:get_value(<<"password">>, Wanted)),
            ok = file:write_file(?MADE, [integer_to_list(Count), $\n])
    end.

made() ->
    case file:read_file(?MADE) of
        {ok, Text} -> binary_to_integer(string:trim(Text));
        {error, enoent} -> 0
    end.

%% They share one password, so one salted hash serves them all.
change_extra(Made, Count, Host, _Password) when Made >= Count ->
    [ejabberd_auth:remove_user(extra_name(Number), Host) || Number <- lists:seq(Count + 1, Made)];
change_extra(Made, Count, Host, Password) ->
    First = extra_name(1),
    ensure(First, Host, Password),
    Hashed = ejabberd_auth:get_password(First, Host),
    [ejabberd_auth:try_register(extra_name(Number), Host, Hashed) || Number <- lists:seq(max(2, Made + 1), Count)].

extra_name(Number) -> iolist_to_binary(io_lib:format("u~5..0b", [Number])).
