// Run as a process of its own: `fatal-child.ts nact|here CASE`. Prints `alive` when the case has not ended or stopped it.
import { type Any, type Api, here, nact } from './apis.ts'

const failing = () => {
  throw new Error('bad')
}

const cases: Readonly<Record<string, (api: Api) => void>> = {
  'throwing onCrash': ({ start, spawn, dispatch }) => {
    const onCrash = () => {
      throw new Error('worse')
    }
    dispatch(spawn(start(), failing, 'a', { onCrash }), 1)
  },
  'throwing afterStop': ({ start, spawn, stop }) => {
    stop(spawn(start(), (state: Any) => state, 'a', { afterStop: failing }))
  },
  'stopChild without a child': ({ start, spawn, dispatch }) => {
    dispatch(spawn(start(), failing, 'a', { onCrash: (_m: Any, _e: Any, context: Any) => context.stopChild }), 1)
  },
  'a start that fails and is reset': ({ start, spawn }) => {
    spawn(start(), (state: Any) => state, 'a', {
      initialStateFunc: failing,
      onCrash: (_m: Any, _e: Any, context: Any) => context.reset,
    })
  },
}

const [, , side, name] = process.argv
setTimeout(() => {
  process.stdout.write('alive\n')
  process.exit(0)
}, 300)
cases[name as string]?.(side === 'nact' ? nact : here)
