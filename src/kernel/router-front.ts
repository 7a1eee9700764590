import type { Cell } from './cell.ts'
import { deathWatchOf } from './death-watch.ts'
import { Front } from './front.ts'
import { LivingRefs } from './living-refs.ts'

/** What all routers are: a front of members that come and go. */
export abstract class RouterFront extends Front {
  protected readonly group: LivingRefs

  constructor(keeper: Cell, members: readonly Cell[]) {
    super(keeper)
    this.group = new LivingRefs(deathWatchOf(keeper.system))
    for (const member of members) this.add(member)
  }

  get members(): readonly Cell[] {
    this.group.prune()
    return this.group.refs
  }

  /** Also while no member takes messages: a router above passes it over. */
  override get isClosed(): boolean {
    if (super.isClosed) return true
    for (const member of this.group.refs) if (!member.isClosed) return false
    return true
  }

  add(member: Cell): void {
    if (leadsTo(member, this))
      throw new RangeError(`${this.path}: a router cannot be a member of itself, nor of its members`)
    if (!this.isStopped) this.group.add(member)
  }

  remove(member: Cell): void {
    this.group.remove(member)
  }

  protected letGo(): void {
    this.group.clear()
  }
}

/** Whether what `from` is told could come to `router`: a message would go round for ever. */
const leadsTo = (from: Cell, router: RouterFront): boolean => {
  const seen = new Set([from])
  for (const cell of seen) {
    if ((cell as unknown) === router) return true
    if (cell instanceof RouterFront) for (const member of cell.members) seen.add(member)
  }
  return false
}
