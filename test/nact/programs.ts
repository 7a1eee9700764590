import { type Any, type Api, failureOf, MemoryEngine, sleep, turns, until } from './support.ts'

/** Programs for nact, as its users write them. What one resolves with is all that it observed. */
export const programs: Readonly<Record<string, (api: Api) => Promise<unknown>>> = {
  'a counter is told and queried': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const counter = spawn(system, (count = 0, message: Any, { sender }: Any) => {
      if (message !== 'read') return count + message
      dispatch(sender, count)
      return count
    })
    for (let i = 1; i <= 10; i++) dispatch(counter, i)
    const count = await query(counter, 'read', 500)
    stop(system)
    return count
  },

  'this is the context, and the context what nact gives': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start({ name: 'shop' })
    const parent = spawn(system, (state: Any) => state, 'parent')
    const seen: Any[] = []
    const child = spawn(
      parent,
      function (this: Any, state: Any, message: Any, context: Any) {
        seen.push([
          this === context,
          Object.keys(context),
          context.parent === parent,
          context.self === child,
          context.name,
          String(context.path),
          context.path.parts,
          [...context.children.keys()],
          context.sender?.type,
          context.log,
          state,
          message,
        ])
        dispatch(context.sender, 'seen')
        return state
      },
      'child',
    )
    spawn(child, (state: Any) => state, 'grandchild')
    dispatch(child, 'told')
    dispatch(child, 'sent', parent)
    await query(child, 'asked', 500)
    stop(system)
    return [seen, child.name, child.parent === parent, parent.parent === system, child.system, child.type, system.type]
  },

  'a context shows the children of its own message': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const parent = spawn(system, (state: Any, message: Any, { self, children, sender }: Any) => {
      if (message === 'list') dispatch(sender, [...children.keys()])
      else {
        const before = children.size
        spawn(self, (each: Any) => each, message)
        dispatch(sender, [before, children.size])
      }
      children.set('made up', self)
      return state
    })
    const answers = [await query(parent, 'a', 500), await query(parent, 'b', 500), await query(parent, 'list', 500)]
    stop(system)
    return answers
  },

  'async handlers are waited for': async ({ start, spawn, dispatch, stop }) => {
    const system = start()
    const order: string[] = []
    const actor = spawn(system, async (state = 0, message: Any) => {
      order.push(`begins ${message} with ${state}`)
      await sleep(message === 1 ? 15 : 1)
      order.push(`ends ${message}`)
      return state + 1
    })
    for (const each of [1, 2, 3]) dispatch(actor, each)
    await until(() => order.length === 6)
    stop(system)
    return order
  },

  'a stateless actor takes one message after the other': async ({ start, spawnStateless, dispatch, stop }) => {
    const system = start()
    const order: string[] = []
    const actor = spawnStateless(
      system,
      async (message: Any, context: Any) => {
        await sleep(message === 1 ? 15 : 1)
        order.push(`${message} ${context.name}`)
      },
      'stateless',
    )
    for (const each of [1, 2, 3]) dispatch(actor, each)
    await until(() => order.length === 6)
    stop(system)
    return order
  },

  'a stateless actor goes on after what it throws': async ({ start, spawnStateless, dispatch, query, stop }) => {
    const system = start()
    const actor = spawnStateless(system, (message: Any, { sender }: Any) => {
      if (message === 'bad') throw new Error('bad')
      dispatch(sender, message)
    })
    dispatch(actor, 'bad')
    const answer = await query(actor, 'good', 500)
    stop(system)
    return answer
  },

  'a thenable is waited for, too': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const actor = spawn(system, (state = 'before', _message: Any, { sender }: Any) => {
      dispatch(sender, state)
      return { then: (resolve: (value: string) => void) => resolve('after') }
    })
    const answers = [await query(actor, 1, 500), await query(actor, 2, 500)]
    stop(system)
    return answers
  },

  'initial states': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const read = (state: Any, _message: Any, { sender }: Any) => {
      dispatch(sender, state)
      return state
    }
    const given = spawn(system, read, 'given', { initialState: { a: 1 } })
    const made = spawn(system, read, 'made', {
      initialStateFunc: (context: Any) => [context.name, context.sender, [...context.children.keys()]],
    })
    const answers = [await query(given, 0, 500), await query(made, 0, 500)]
    stop(system)
    return answers
  },

  'queries: by sender, by function, from one actor to the next': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const last = spawn(system, (state: Any, { to }: Any) => {
      dispatch(to, 'from the last')
      return state
    })
    const first = spawn(system, (state: Any, message: Any, { sender }: Any) => {
      dispatch(last, { to: message.replyTo ?? sender })
      return state
    })
    const answers = [
      await query(first, {}, 500),
      await query(first, (replyTo: Any) => ({ replyTo }), 500),
      await query(last, (to: Any) => ({ to }), 500),
    ]
    stop(system)
    return answers
  },

  'queries that fail': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const silent = spawn(system, (state: Any) => state)
    const answersTwice = spawn(system, (state: Any, _message: Any, { sender }: Any) => {
      dispatch(sender, 'first')
      dispatch(sender, 'second')
      return state
    })
    const stopped = spawn(system, (state: Any) => state)
    stop(stopped)
    let refused = ''
    try {
      await query(silent, {})
    } catch (error) {
      refused = (error as Error).message
    }
    const failures = [
      refused,
      await failureOf(query(silent, {}, 10)),
      await failureOf(query(stopped, {}, 10)),
      await failureOf(query(system, {}, 10)),
      await query(answersTwice, {}, 500),
    ]
    stop(system)
    return failures
  },

  'names: drawn, taken, wrong, free again': async ({ start, spawn, stop }) => {
    const system = start()
    const ignore = (state: Any) => state
    const outcomes: unknown[] = []
    const attempt = (name: Any) => {
      try {
        outcomes.push(typeof spawn(system, ignore, name).name)
      } catch {
        outcomes.push('refused')
      }
    }
    for (const name of [undefined, '', 'a', 'a', 'with space', 'a/b', '$x', '-', "it's(ok)!", 'ä', 5]) attempt(name)
    stop(spawn(system, ignore, 'again'))
    attempt('again')
    stop(system)
    attempt('late')
    return outcomes
  },

  'a stopped actor takes nothing and has no children': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const handled: Any[] = []
    const actor = spawn(system, (state: Any, message: Any) => {
      handled.push(message)
      return state
    })
    dispatch(actor, 1)
    await turns()
    stop(actor)
    stop(actor)
    dispatch(actor, 2)
    await turns()
    let spawned = 'spawned'
    try {
      spawn(actor, (state: Any) => state)
    } catch {
      spawned = 'refused'
    }
    const failure = await failureOf(query(actor, 3, 20))
    stop(system)
    return [handled, spawned, failure]
  },

  'a reference names what has its path now': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start({ name: 'paths' })
    const saying =
      (text: string) =>
      (state: Any, _message: Any, { sender }: Any) => {
        dispatch(sender, text)
        return state
      }
    const old = spawn(system, saying('old'), 'same')
    const copy = JSON.parse(JSON.stringify(old))
    const answers = [await query(old, 0, 500), await query(copy, 0, 500)]
    stop(old)
    spawn(system, saying('new'), 'same')
    answers.push(await query(old, 0, 500), await query(copy, 0, 500))
    stop(system)
    return answers
  },

  'what is no reference is refused, nobody is dropped': async ({ start, dispatch, Nobody, stop }) => {
    const outcomes: string[] = []
    for (const target of [{}, undefined, null, new Nobody(), { system: { name: 'none' } }])
      try {
        dispatch(target, 'x')
        outcomes.push('dropped')
      } catch (error) {
        outcomes.push((error as Error).constructor.name)
      }
    const system = start()
    dispatch(system, 'x')
    stop(system)
    dispatch(system, 'x')
    return [outcomes, { ...new Nobody() }]
  },

  'stopping an actor makes its children unreachable': async ({ start, spawn, query, dispatch, stop }) => {
    const system = start()
    const echo = (state: Any, message: Any, { sender }: Any) => {
      dispatch(sender, message)
      return state
    }
    const parent = spawn(system, echo, 'parent')
    const child = spawn(parent, echo, 'child')
    const grandchild = spawn(child, echo, 'grandchild')
    const before = await query(grandchild, 1, 500)
    stop(parent)
    const after = [await failureOf(query(child, 2, 20)), await failureOf(query(grandchild, 3, 20))]
    stop(system)
    return [before, after]
  },

  'afterStop sees the state and the context': async ({ start, spawn, dispatch, stop }) => {
    const system = start()
    const seen: Any[] = []
    const actor = spawn(system, (state = 0, message: Any) => state + message, 'stopping', {
      afterStop: (state: Any, { name, path, mailbox, parent, self }: Any) => {
        seen.push([state, name, String(path).endsWith('/stopping'), mailbox, parent === system, self === actor])
      },
    })
    dispatch(actor, 5)
    await turns()
    stop(actor)
    await turns()
    stop(system)
    return seen
  },

  'afterStop is shown what waits behind the message in hand': async api => {
    const { start, spawn, spawnPersistent, dispatch, stop, configurePersistence } = api
    const system = start()
    const seen: Any[] = []
    const shown = (_state: Any, { mailbox }: Any) => seen.push(mailbox.map((mail: Any) => mail.message))
    let open = (): void => undefined
    const slow = async (state: Any) => {
      await new Promise<void>(resolve => {
        open = resolve
      })
      return state
    }
    for (const inBetween of [0, 24]) {
      const actor = spawn(system, slow, undefined, { afterStop: shown })
      for (const each of [1, 2, 3]) dispatch(actor, each)
      await turns(inBetween)
      stop(actor)
      open()
      await turns()
    }
    const idle = spawn(system, slow, undefined, { afterStop: shown })
    stop(idle)
    const store = start(configurePersistence(new MemoryEngine()))
    const recovering = spawnPersistent(store, slow, 'key', undefined, { afterStop: shown })
    for (const each of [1, 2]) dispatch(recovering, each)
    stop(recovering)
    await turns()
    stop(system)
    return seen
  },

  'an actor stops itself': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const seen: Any[] = []
    const actor = spawn(
      system,
      (_state: Any, message: Any, { self }: Any) => {
        seen.push(message)
        stop(self)
        return 'last'
      },
      'once',
      { afterStop: (state: Any) => seen.push(`after ${state}`) },
    )
    dispatch(actor, 1)
    await turns()
    dispatch(actor, 2)
    await turns()
    const failure = await failureOf(query(actor, 3, 10))
    stop(system)
    return [seen, failure]
  },

  'shutdownAfter: without messages, renewed by one': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const stoppedAt: string[] = []
    const echo = (state: Any, message: Any, { sender }: Any) => {
      dispatch(sender, message)
      return state
    }
    const idle = spawn(system, echo, 'idle', { shutdownAfter: 40, afterStop: () => stoppedAt.push('idle') })
    const used = spawn(system, echo, 'used', { shutdownAfter: 5_000, afterStop: () => stoppedAt.push('used') })
    await until(() => stoppedAt.length > 0)
    const answers = [await failureOf(query(idle, 1, 10)), await query(used, 2, 500)]
    stop(system)
    return [answers, stoppedAt]
  },

  'onCrash is told what failed': async ({ start, spawn, dispatch, stop }) => {
    const system = start()
    const seen: Any[] = []
    const actor = spawn(
      system,
      async (_state: Any, message: Any) => {
        await sleep(5)
        throw new Error(`bad ${message}`)
      },
      'failing',
      {
        onCrash: (message: Any, error: Any, context: Any, child: Any) => {
          seen.push([
            message,
            error.message,
            Object.keys(context).sort(),
            context.mailbox.map((mail: Any) => mail.message),
            child,
            context.self === actor,
          ])
          return context.stop
        },
      },
    )
    for (const each of [1, 2, 3]) dispatch(actor, each)
    await until(() => seen.length > 0)
    await turns()
    stop(system)
    return seen
  },

  'resume keeps the state, reset does not and stops the children': async api => {
    const { start, spawn, dispatch, query, stop } = api
    const system = start()
    const results: Any[] = []
    for (const action of ['resume', 'reset']) {
      const actor = spawn(
        system,
        (state: Any, message: Any, { sender }: Any) => {
          if (message === 'bad') throw new Error('bad')
          if (message === 'read') dispatch(sender, state)
          return message === 'read' ? state : state + message
        },
        action,
        { initialState: 10, onCrash: async (_message: Any, _error: Any, context: Any) => context[action] },
      )
      const child = spawn(actor, (state: Any, _message: Any, { sender }: Any) => {
        dispatch(sender, 'child')
        return state
      })
      dispatch(actor, 1)
      dispatch(actor, 'bad')
      dispatch(actor, 2)
      results.push(await query(actor, 'read', 500), await failureOf(query(child, 0, 20)))
    }
    stop(system)
    return results
  },

  'what onCrash answers to a failed query reaches whoever asked': async api => {
    const { start, spawn, dispatch, query, stop } = api
    const system = start()
    const actor = spawn(
      system,
      () => {
        throw new Error('bad')
      },
      'apologising',
      {
        onCrash: async (message: Any, error: Any, context: Any) => {
          await sleep(5)
          dispatch(message.replyTo, error.message)
          return context.resume
        },
      },
    )
    const answer = await query(actor, (replyTo: Any) => ({ replyTo }), 500)
    stop(system)
    return answer
  },

  'a query that onCrash hands on is answered by whoever it is handed to': async api => {
    const { start, spawn, dispatch, query, stop } = api
    const system = start()
    const helper = spawn(system, (state: Any, { replyTo }: Any) => {
      dispatch(replyTo, 'helped')
      return state
    })
    const actor = spawn(
      system,
      (_state: Any, message: Any) => {
        if (message.hands === 'on, then fails') dispatch(helper, message)
        throw new Error('bad')
      },
      'handing-on',
      {
        onCrash: (message: Any, _error: Any, context: Any) => {
          if (message.hands === undefined) dispatch(helper, message)
          return context.resume
        },
      },
    )
    const answers = [
      await query(actor, (replyTo: Any) => ({ replyTo }), 500),
      await query(actor, (replyTo: Any) => ({ replyTo, hands: 'on, then fails' }), 500),
    ]
    stop(system)
    return answers
  },

  'escalation asks upwards': async ({ start, spawn, dispatch, query, stop }) => {
    const results: Any[] = []
    for (const decision of ['stop', 'stopChild', 'resetChild', 'stopAllChildren', 'resetAllChildren', 'reset']) {
      const system = start()
      const asked: Any[] = []
      const counting = (state = 0, message: Any, { sender }: Any) => {
        if (message === 'bad') throw new Error('bad')
        dispatch(sender, state)
        return state + 1
      }
      const parent = spawn(system, counting, 'parent', {
        onCrash: (message: Any, error: Any, context: Any, child: Any) => {
          asked.push([message, error.message, child?.name, context.name])
          return context[decision]
        },
      })
      const escalating = { onCrash: (_message: Any, _error: Any, context: Any) => context.escalate }
      const child = spawn(parent, counting, 'child', escalating)
      const sibling = spawn(parent, counting, 'sibling', escalating)
      for (const each of [parent, child, sibling]) await query(each, 1, 500)
      dispatch(child, 'bad')
      await turns()
      const after: Any[] = []
      for (const each of [parent, child, sibling])
        after.push(await query(each, 1, 500).catch((error: Error) => error.message))
      results.push([decision, asked, after])
      stop(system)
    }
    return results
  },

  'what nobody takes care of stops at the top': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const escalating = { onCrash: () => 'no action at all' }
    const failing = () => {
      throw new Error('bad')
    }
    const parent = spawn(system, failing, 'parent', escalating)
    const child = spawn(parent, failing, 'child', escalating)
    const other = spawn(system, (state: Any, _message: Any, { sender }: Any) => {
      dispatch(sender, 'here')
      return state
    })
    dispatch(child, 'bad')
    await turns()
    const after = [
      await failureOf(query(parent, 1, 10)),
      await failureOf(query(child, 1, 10)),
      await query(other, 1, 500),
    ]
    stop(system)
    return after
  },

  'stopAll stops the peers': async ({ start, spawn, dispatch, query, stop }) => {
    const system = start()
    const parent = spawn(system, (state: Any, message: Any, { sender }: Any) => {
      dispatch(sender, message)
      return state
    })
    const failing = spawn(
      parent,
      () => {
        throw new Error('bad')
      },
      'failing',
      { onCrash: (_message: Any, _error: Any, context: Any) => context.stopAll },
    )
    const peer = spawn(parent, (state: Any) => state, 'peer')
    dispatch(failing, 1)
    await turns()
    const after = [await failureOf(query(peer, 1, 10)), await query(parent, 'up', 500)]
    stop(system)
    return after
  },

  'units of time': async api =>
    [
      'millisecond',
      'milliseconds',
      'second',
      'seconds',
      'minute',
      'minutes',
      'hour',
      'hours',
      'message',
      'messages',
    ].map(unit => api[unit]),

  'what is logged goes to the console by level': async ({ start, spawn, dispatch, stop, ...api }) => {
    const written: string[] = []
    const proxy = Object.fromEntries(
      ['trace', 'debug', 'info', 'warn', 'error', 'critical'].map(channel => [
        channel,
        (text: string) => written.push(`${channel}: ${text.replace(/@ .*?\]/, '@ …]')}`),
      ]),
    )
    const system = start({ name: 'logged' }, api.configureLogging(api.logToConsole({ consoleProxy: proxy as Any })))
    const actor = spawn(
      system,
      (state: Any, message: Any, { log }: Any) => {
        for (const level of ['trace', 'debug', 'info', 'warn', 'error', 'critical']) log[level](message)
        log.event('happened', { at: 1 })
        log.metric('load', { cpu: 0.5 })
        log.exception(new Error('bad'))
        return state
      },
      'writer',
    )
    dispatch(actor, 'hello')
    await turns(60)
    stop(system)
    return written
  },

  'a console with one channel, a formatter, a logging engine of one’s own': async api => {
    const { start, spawn, dispatch, stop, configureLogging, logToConsole } = api
    const written: string[] = []
    const one = start(
      configureLogging(
        logToConsole({
          consoleProxy: { log: (text: string) => written.push(text) } as Any,
          formatter: (entry: Any) => `${entry.type} ${entry.message}`,
          name: 'scribe',
        }),
      ),
    )
    const own = start(
      configureLogging((system: Any) =>
        spawn(system, (state: Any, entry: Any, { sender }: Any) => {
          written.push(`${entry.type} ${entry.name} of ${entry.actor.name} from ${sender.name}`)
          return state
        }),
      ),
    )
    dispatch(
      spawn(one, (_state: Any, message: Any, { log }: Any) => log.critical(message)),
      'all on one',
    )
    dispatch(
      spawn(own, (_state: Any, message: Any, { log }: Any) => log.event(message, {}), 'sender'),
      'own',
    )
    await turns()
    stop(one)
    stop(own)
    let refused = 'accepted'
    try {
      start(configureLogging(() => undefined as Any))
    } catch (error) {
      refused = (error as Error).message
    }
    return [written, refused]
  },

  'a persistent actor persists, snapshots, is stopped and recovers': async api => {
    const { start, spawnPersistent, dispatch, query, stop, configurePersistence } = api
    const engine = new MemoryEngine()
    const recovered: Any[] = []
    const run = async (messages: readonly string[]) => {
      const system = start(configurePersistence(engine))
      const actor = spawnPersistent(
        system,
        async (state = '', message: Any, context: Any) => {
          if (context.recovering) recovered.push([message, Object.keys(context).sort(), context.sender === actor])
          else if (message !== '') await context.persist(message, ['b', 'a'], { extra: 1 })
          if (!context.recovering) dispatch(context.sender, state + message)
          return state + message
        },
        'text',
        'writer',
        { snapshotEvery: 4, encoder: (message: Any) => ({ m: message }), decoder: (data: Any) => data.m },
      )
      for (const each of messages) dispatch(actor, each)
      const answer = await query(actor, '', 500)
      stop(system)
      return answer
    }
    const answers = [await run([...'abcdef']), await run([...'gh']), await run([])]
    return [answers, recovered, engine.contents(), engine.calls]
  },

  'recovery: deleted events, failing ones, an engine that fails': async api => {
    const { start, spawnPersistent, dispatch, query, stop, configurePersistence } = api
    const results: Any[] = []
    for (const decision of ['resume', 'reset', 'stop']) {
      const engine = new MemoryEngine()
      engine.events_.word = [...'abcd'].map((data, i) => ({
        data,
        sequenceNumber: i + 1,
        key: 'word',
        tags: [],
        isDeleted: data === 'b',
      }))
      const system = start(configurePersistence(engine))
      let failures = 0
      const actor = spawnPersistent(
        system,
        (state = '', message: Any, { sender }: Any) => {
          if (message === 'c' && failures === 0) throw new Error('no c')
          dispatch(sender, state + message)
          return state + message
        },
        'word',
        'speller',
        {
          onCrash: (message: Any, error: Any, context: Any) => {
            failures++
            results.push([message, error.message])
            return context[decision]
          },
        },
      )
      results.push(await query(actor, '!', 200).catch(() => 'rejected'))
      stop(system)
    }
    const broken = start(
      configurePersistence({
        latestSnapshot: () => {
          throw new Error('no snapshots')
        },
      } as Any),
    )
    const failed: Any[] = []
    const actor = spawnPersistent(broken, (state: Any) => state, 'any', 'broken', {
      onCrash: (message: Any, error: Any, context: Any) => {
        failed.push([message, error.message])
        return context.stop
      },
    })
    await turns()
    failed.push(await failureOf(query(actor, 1, 10)))
    stop(broken)
    return [results, failed]
  },

  'a persistent query folds, remembers and snapshots': async api => {
    const { start, persistentQuery, stop, configurePersistence } = api
    const engine = new MemoryEngine()
    const put = (data: string) => {
      engine.events_.word ??= []
      const events = engine.events_.word
      events.push({ data, sequenceNumber: events.length + 1, key: 'word', tags: [], isDeleted: data === '-' })
    }
    for (const each of 'ab-cdef') put(each)
    const system = start(configurePersistence(engine))
    const ask = persistentQuery(system, async (state = '', message: Any) => state + message, 'word', {
      snapshotKey: 'word-so-far',
      snapshotEvery: 3,
    })
    const answers = [await ask()]
    const once = ask()
    answers.push(once === ask(), await once)
    put('g')
    put('h')
    answers.push(await ask())
    const failing = persistentQuery(system, () => Promise.reject(new Error('no fold')), 'word')
    answers.push(await failureOf(failing()))
    const refused = [
      [undefined, {}],
      [1, {}],
      ['word', { snapshotKey: 1 }],
      ['word', { snapshotEvery: 5 }],
      ['word', { snapshotEvery: 'x', snapshotKey: 'k' }],
      ['word', { cacheDuration: {} }],
    ].map(([key, properties]) => {
      try {
        persistentQuery(system, (state: Any) => state, key, properties)
        return 'accepted'
      } catch (error) {
        return (error as Error).message.slice(0, 20)
      }
    })
    await turns()
    stop(system)
    return [answers, refused, engine.contents(), engine.calls]
  },
}
