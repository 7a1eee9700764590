// A small user of the package, with the strictest settings that one may have. Each `@ts-expect-error` is an error itself
// where the line below it compiles.

const source = doors => `import { ActorSystem, type ActorRef, behavior } from 'troupe'
${doors.map((door, i) => `import * as door${i} from '${door}'`).join('\n')}

type CounterMessage = { type: 'increment'; by: number } | { type: 'read'; replyTo: { tell(count: number): void } }

const counter = behavior<CounterMessage, number>({
  initial: () => 0,
  receive: (count, message) => {
    switch (message.type) {
      case 'increment':
        return count + message.by
      case 'read':
        message.replyTo.tell(count)
        return count
    }
  },
})

const system = ActorSystem.start({ name: 'consumer' })
const ref: ActorRef<CounterMessage> = system.spawn(counter, { name: 'counter' })
ref.tell({ type: 'increment', by: 2 })

export const refused = (): void => {
  // @ts-expect-error: not one of its messages
  ref.tell({ type: 'decrement', by: 2 })
  // @ts-expect-error: a field of the wrong type
  ref.tell({ type: 'increment', by: '2' })
  // @ts-expect-error: a field missing
  ref.tell({ type: 'increment' })
  // @ts-expect-error: a ref of other messages
  const other: ActorRef<{ type: 'stop' }> = ref
  other.tell({ type: 'stop' })
  // @ts-expect-error: the answer is a number
  const text: Promise<string> = ref.ask<number>(replyTo => ({ type: 'read', replyTo }))
  void text
}

const count: number = await ref.ask<number>(replyTo => ({ type: 'read', replyTo }), { timeoutMs: 1_000 })
if (count !== 2) throw new Error(\`counted \${count} instead of 2\`)
for (const door of [${doors.map((_, i) => `door${i}`).join(', ')}])
  if (Object.keys(door).length === 0) throw new Error('a door with nothing behind it')
await system.terminate()
`

/** @returns {Record<string, string>} files of the consumer's folder */
export const consumer = ({ doors, typeRoots }) => ({
  'consumer.ts': source(doors),
  'tsconfig.json': JSON.stringify({
    compilerOptions: {
      target: 'ES2023',
      lib: ['ES2023', 'ESNext.Disposable'],
      module: 'NodeNext',
      moduleResolution: 'NodeNext',
      strict: true,
      noUncheckedIndexedAccess: true,
      exactOptionalPropertyTypes: true,
      verbatimModuleSyntax: true,
      skipLibCheck: false,
      typeRoots: [typeRoots],
      types: ['node'],
    },
    files: ['consumer.ts'],
  }),
})
