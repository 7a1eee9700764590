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

  add(member: Cell): void {
    if ((member as unknown) === this) throw new RangeError(`${this.path}: a router cannot be a member of itself`)
    if (!this.isStopped) this.group.add(member)
  }

  remove(member: Cell): void {
    this.group.remove(member)
  }

  protected letGo(): void {
    this.group.clear()
  }
}
