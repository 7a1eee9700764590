import { checkOneOf, checkOptions } from '../base/bounds.ts'
import { shown } from '../base/errors.ts'
import { behavior } from './behavior.ts'
import type { Cell } from './cell.ts'
import type { RouterFront } from './router-front.ts'
import { HashRing } from './router-hash-ring.ts'
import { RoundRobin, SmallestMailbox } from './router-picking.ts'
import { RouterToAll } from './router-to-all.ts'
import { RouterToOne } from './router-to-one.ts'
import type { ActorSystem } from './system.ts'
import type { ActorContext, ActorRef, SpawnOptions } from './types.ts'

/** Which members a message goes to. */
export type Routing<Message> =
  /** One after the other. */
  | 'round-robin'
  /** The one with the fewest messages, the one in its handler counted; among equals one after the other. */
  | 'smallest-mailbox'
  /** All. An ask is answered when all have answered, with the answer of the first member, and fails when one fails. */
  | 'broadcast'
  /**
   * All. The first answer to an ask is its answer, and the later ones are ignored; it fails with NO_ANSWER as soon as all
   * have failed.
   */
  | 'scatter-gather-first'
  /**
   * The same key always to the same member. When a member comes or goes, only those keys move that it takes over or
   * leaves: of n members about one in n. A member is known by its path.
   */
  | { readonly type: 'consistent-hash'; readonly keyOf: (message: Message) => string | number }

/** What a router hands on, and to whom. */
export interface RouterOptions<Message> extends SpawnOptions {
  readonly routing: Routing<Message>
  /** In order, each once. Default: none yet. */
  readonly members?: readonly ActorRef<Message>[]
}

/** A ref that stands for several. Watched and stopped as any other; its end leaves the members alone. */
export interface Router<in out Message> extends ActorRef<Message> {
  /** Those that live, in the order they were added. */
  readonly members: readonly ActorRef<Message>[]
  /**
   * Takes effect at once. A member twice, or one that has ended, changes nothing. **Errors**: RangeError for the router
   * itself, and for a router that it is a member of, be it through others.
   */
  add(member: ActorRef<Message>): void
  /** Takes effect at once; what the member has in its mailbox stays there. */
  remove(member: ActorRef<Message>): void
}

/** Where a router or a pool belongs, and with whom it ends: the system, or the actor whose context it is. */
export type Owner = ActorSystem | ActorContext<never>

/** Holds the router's place in the tree. */
const keeper = behavior<never, null>({ initial: () => null, receive: state => state })

/**
 * A ref that hands on what it is told, in the same call: no mailbox and no turn lie between. Members that stop, or are
 * about to, get nothing more, nor does a router without a member that does; who has ended is no member any more, and one
 * that restarts stays.
 *
 * **Order**: per sender and member. **Delivery**: as the member's own tell, offer and ask; without a member a tell is a
 * dead letter `no-route`, offer and ask fail with NO_ROUTE. To all: an offer resolves when all have accepted, and when one
 * refuses, the others may have accepted; an ask makes one message for each. `context.ask` finds no cycle through a
 * consistent hash, nor through an ask of several. A `keyOf` that throws: a dead letter `no-route` and a line in the log, or
 * a failed offer or ask. **Errors**: RangeError for options that are none; ACTOR_NAME_TAKEN; SYSTEM_TERMINATED or
 * ACTOR_STOPPED, if the owner has ended.
 */
export const router = <Message>(owner: Owner, options: RouterOptions<Message>): Router<Message> => {
  checkOptions('the options of a router', options, ['routing', 'members', 'name'])
  const { routing, members = [], name } = options
  checkRouting(routing)
  const cell = owner.spawn(keeper, name === undefined ? {} : { name }) as unknown as Cell
  return frontOf(cell, routing, members as readonly unknown[] as readonly Cell[]) as unknown as Router<Message>
}

const WORDS = ['round-robin', 'smallest-mailbox', 'broadcast', 'scatter-gather-first']

const checkRouting = (routing: Routing<never>): void => {
  if (typeof routing !== 'object') {
    checkOneOf("a router's routing", routing, WORDS)
    return
  }
  checkOptions("a router's routing", routing, ['type', 'keyOf'])
  checkOneOf("the type of a router's routing", routing.type, ['consistent-hash'])
  if (typeof routing.keyOf !== 'function')
    throw new RangeError(`the keyOf of a router's routing must be a function, not ${shown(routing.keyOf)}`)
}

const frontOf = <Message>(cell: Cell, routing: Routing<Message>, members: readonly Cell[]): RouterFront => {
  switch (routing) {
    case 'round-robin':
      return new RouterToOne(cell, members, new RoundRobin())
    case 'smallest-mailbox':
      return new RouterToOne(cell, members, new SmallestMailbox())
    case 'broadcast':
      return new RouterToAll(cell, members, 'all')
    case 'scatter-gather-first':
      return new RouterToAll(cell, members, 'first')
    default:
      return new RouterToOne(cell, members, new HashRing(routing.keyOf))
  }
}
