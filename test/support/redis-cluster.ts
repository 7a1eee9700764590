/** A Redis Cluster of the tests' own: masters on free ports of 127.0.0.1 that share all slots, and a replica if asked for. */

import { setTimeout as sleep } from 'node:timers/promises'
import { Redis } from 'ioredis'
import { freePort, type RedisServer, startRedisServer } from './redis-server.ts'

export interface ClusterNode {
  readonly server: RedisServer
  /** Speaks to this node alone. */
  readonly client: Redis
  readonly id: string
}

export interface RedisCluster {
  readonly masters: readonly ClusterNode[]
  /** `redis-cluster://…` */
  readonly url: string
  /** Starts a replica of a master, and waits until it has all that it has. */
  replicaOf(master: ClusterNode): Promise<ClusterNode>
  /** The master that has the slot of a key. */
  masterOf(key: string): Promise<ClusterNode>
  /** Moves a slot with its keys from one master to another, key by key, as a resharding does. */
  moveSlot(slot: number, from: ClusterNode, to: ClusterNode): Promise<void>
  stop(): Promise<void>
}

const SLOTS = 16_384
const READY_WITHIN_MS = 30_000

export const startRedisCluster = async (count = 3): Promise<RedisCluster> => {
  const nodes: ClusterNode[] = []
  const started = async (): Promise<ClusterNode & { readonly busPort: number }> => {
    const busPort = await freePort()
    const server = await startRedisServer([
      '--appendfsync no',
      '--cluster-enabled yes',
      `--cluster-port ${busPort}`,
      '--cluster-node-timeout 2000',
    ])
    const client = new Redis(server.port)
    // One that is killed is away for a while; what is asked of it waits.
    client.on('error', () => undefined)
    const node = { server, client, id: String(await client.cluster('MYID')), busPort }
    nodes.push(node)
    return node
  }
  const masters = [await started()]
  while (masters.length < count) masters.push(await started())
  const first = masters[0]!
  for (const [i, { client }] of masters.entries()) {
    const [from, to] = [i, i + 1].map(part => Math.floor((part * SLOTS) / count)) as [number, number]
    await client.call('CLUSTER', 'ADDSLOTSRANGE', from, to - 1)
  }
  const meet = (node: ClusterNode & { readonly busPort: number }): Promise<unknown> =>
    first.client.call('CLUSTER', 'MEET', '127.0.0.1', node.server.port, node.busPort)
  for (const node of masters.slice(1)) await meet(node)
  for (const { client } of masters)
    await until(async () => /cluster_state:ok/.test(String(await client.cluster('INFO'))))
  for (const { client } of masters) await until(async () => (await knownTo(client)).length === count)

  return {
    masters,
    url: `redis-cluster://${masters.map(({ server }) => `127.0.0.1:${server.port}`).join(',')}`,
    async replicaOf(master) {
      const replica = await started()
      await meet(replica)
      await until(async () => (await knownTo(replica.client)).some(line => line.startsWith(master.id)))
      await replica.client.cluster('REPLICATE', master.id)
      await until(async () => /master_link_status:up/.test(await replica.client.info('replication')))
      return replica
    },
    async masterOf(key) {
      const slot = Number(await first.client.cluster('KEYSLOT', key))
      for (const node of masters)
        if ((await slotsOf(node)).some(([from, to]) => from <= slot && slot <= to)) return node
      throw new Error(`no master has slot ${slot}`)
    },
    async moveSlot(slot, from, to) {
      await to.client.cluster('SETSLOT', slot, 'IMPORTING', from.id)
      await from.client.cluster('SETSLOT', slot, 'MIGRATING', to.id)
      for (;;) {
        const keys = (await from.client.call('CLUSTER', 'GETKEYSINSLOT', slot, 1)) as string[]
        if (keys.length === 0) break
        await from.client.call('MIGRATE', '127.0.0.1', to.server.port, '', 0, 5_000, 'KEYS', ...keys)
        // So that writers meet a slot that is half here and half there.
        await sleep(20)
      }
      for (const { client } of [to, from]) await client.cluster('SETSLOT', slot, 'NODE', to.id)
    },
    async stop() {
      for (const { client, server } of nodes) {
        client.disconnect()
        await server.stop()
      }
    },
  }
}

const knownTo = async (client: Redis): Promise<readonly string[]> =>
  String(await client.cluster('NODES'))
    .trim()
    .split('\n')

/** The slots that a node says it has itself, as ranges. */
const slotsOf = async ({ client }: ClusterNode): Promise<readonly (readonly [from: number, to: number])[]> => {
  const own = (await knownTo(client)).find(line => line.includes('myself')) ?? ''
  return own
    .split(' ')
    .slice(8)
    .filter(range => /^\d/.test(range))
    .map(range => range.split('-').map(Number))
    .map(([from, to]) => [from!, to ?? from!] as const)
}

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const giveUpAt = Date.now() + READY_WITHIN_MS
  while (!(await holds())) {
    if (Date.now() > giveUpAt) throw new Error('the cluster did not come up')
    await sleep(50)
  }
}
