-module(bank_transaction).
-export([run/2]).

run(Accounts, Transactions) ->
    Refs = list_to_tuple([spawn(fun() -> account(0) end) || _ <- lists:seq(1, Accounts)]),
    order(Refs, 1, Transactions),
    Completed = collect(Transactions, 0),
    Total = lists:sum([close(Account) || Account <- tuple_to_list(Refs)]),
    Completed + Total.

order(_Refs, _Random, 0) -> ok;
order(Refs, Random, Left) ->
    Accounts = tuple_size(Refs),
    R1 = lcg:next(Random),
    From = lcg:below(R1, (Accounts div 10) * 8),
    R2 = lcg:next(R1),
    To = From + max(1, lcg:below(R2, Accounts - From)),
    R3 = lcg:next(R2),
    element(From + 1, Refs) ! {credit, element(To + 1, Refs), lcg:below(R3, 1000), self()},
    order(Refs, R3, Left - 1).

collect(0, Completed) -> Completed;
collect(Left, Completed) ->
    receive
        done -> collect(Left - 1, Completed + 1)
    end.

close(Account) ->
    Account ! {close, self()},
    receive
        {balance, Balance} -> Balance
    end.

account(Balance) ->
    receive
        {debit, Amount, Ref, From} ->
            From ! {Ref, Amount},
            account(Balance + Amount);
        {credit, To, Amount, Teller} ->
            Ref = make_ref(),
            To ! {debit, Amount, Ref, self()},
            receive
                {Ref, Paid} ->
                    Teller ! done,
                    account(Balance - Paid)
            end;
        {close, From} ->
            From ! {balance, Balance}
    end.
