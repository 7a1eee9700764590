// A teller orders transfers between accounts. An account that pays asks the other one to take the money and waits for
// the answer before it handles its next message: chains of asks. The payee has the higher number, so no ring closes.

import { dispatch, query, spawn } from 'nact'
import { behavior } from 'troupe'
import { below, nextState } from './random.mjs'

const NACT_TIMEOUT_MS = 600_000

/** Hands `transfer` each transfer that is to be made, the same on every side. */
function order({ accounts, transactions }, transfer) {
  let random = 1
  for (let i = 0; i < transactions; i++) {
    random = nextState(random)
    const from = below(random, Math.floor(accounts / 10) * 8)
    random = nextState(random)
    const to = from + Math.max(1, below(random, accounts - from))
    random = nextState(random)
    transfer(from, to, below(random, 1_000))
  }
}

export const bankTransaction = {
  name: 'bank-transaction',
  unit: 'transactions/s',
  published: { accounts: 1_000, transactions: 50_000 },
  fewer: { nact: { transactions: 5_000 } },
  quick: { accounts: 100, transactions: 300 },
  operations: ({ transactions }) => transactions,
  erlang: ({ accounts, transactions }) => ['bank_transaction', accounts, transactions],

  ours: (system, parameters) =>
    new Promise(done => {
      let total = 0
      const pay = async (balance, { to, amount, teller }) => {
        const paid = await to.ask(replyTo => ({ type: 'debit', amount, replyTo }))
        total -= paid
        teller.tell({ type: 'done' })
        return balance - paid
      }
      const account = behavior({
        initial: () => 0,
        receive: (balance, message) => {
          if (message.type === 'credit') return pay(balance, message)
          total += message.amount
          message.replyTo.tell(message.amount)
          return balance + message.amount
        },
      })
      const refs = Array.from({ length: parameters.accounts }, () => system.spawn(account))
      const teller = system.spawn(
        behavior({
          initial: () => 0,
          receive: (completed, message) => {
            if (message.type === 'done') {
              // What came to one account left another: the total is 0.
              if (completed + 1 === parameters.transactions) done(completed + 1 + total)
              return completed + 1
            }
            order(parameters, (from, to, amount) => refs[from].tell({ type: 'credit', to: refs[to], amount, teller }))
            return completed
          },
        }),
      )
      teller.tell({ type: 'start' })
    }),

  nact: (system, parameters) =>
    new Promise(done => {
      let total = 0
      const pay = async (balance, { to, amount, teller }) => {
        const paid = await query(to, replyTo => ({ type: 'debit', amount, replyTo }), NACT_TIMEOUT_MS)
        total -= paid
        dispatch(teller, { type: 'done' })
        return balance - paid
      }
      const account = (balance = 0, message) => {
        if (message.type === 'credit') return pay(balance, message)
        total += message.amount
        dispatch(message.replyTo, message.amount)
        return balance + message.amount
      }
      const refs = Array.from({ length: parameters.accounts }, (_, i) => spawn(system, account, `a${i}`))
      const teller = spawn(system, (completed = 0, message) => {
        if (message.type === 'done') {
          if (completed + 1 === parameters.transactions) done(completed + 1 + total)
          return completed + 1
        }
        order(parameters, (from, to, amount) => dispatch(refs[from], { type: 'credit', to: refs[to], amount, teller }))
        return completed
      })
      dispatch(teller, { type: 'start' })
    }),
}
