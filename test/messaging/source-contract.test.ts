import { sourceContract } from 'troupe/testkit'
import { logSource } from '../../src/messaging/log-source.ts'
import { settle } from '../kernel/support.ts'
import { Scene } from '../persistence/support.ts'
import { contractTests } from '../support/contract-tests.ts'
import { Writer } from './support.ts'

contractTests(
  'logSource fulfils the contract of a message source',
  sourceContract(async () => {
    const scene = await Scene.open()
    const writer = new Writer(scene.store)
    return {
      publish: async label => {
        writer.events('publisher', `Said:${label}`)
        await scene.pass(0)
      },
      source: group => logSource(scene.store, group, { events: ['Said'] }),
      labelOf: message => (message.payload as { label: string }).label.slice('Said:'.length),
      pause: settle,
      remove: async () => {
        await scene[Symbol.asyncDispose]()
      },
    }
  }),
)
