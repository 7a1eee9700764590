/** Who is restarted by whom, without actors: what OTP's supervisor does with one end at a time. */

export type Strategy = 'one-for-one' | 'one-for-all' | 'rest-for-one'
export type RestartType = 'permanent' | 'transient' | 'temporary'

export interface Plan {
  readonly id: string
  readonly restart: RestartType
  /** Null: a worker. */
  readonly supervises: SupervisorPlan | null
}

export interface SupervisorPlan {
  readonly strategy: Strategy
  /** Restarts within a period that is longer than the run. */
  readonly intensity: number
  readonly children: readonly Plan[]
}

/** A supervisor since its last start. */
interface Running {
  readonly plan: SupervisorPlan
  readonly path: string
  /** Temporary ones are left out once they have ended. */
  children: readonly Plan[]
  restarts: number
}

/** How often each worker has started, and which ones live. */
export class RestartModel {
  readonly starts = new Map<string, number>()
  readonly alive = new Set<string>()
  private readonly supervisors = new Map<string, Running>()
  private readonly root: string

  constructor(root: string, plan: SupervisorPlan) {
    this.root = root
    this.startSupervisor(root, plan)
  }

  get hasGivenUp(): boolean {
    return !this.supervisors.has(this.root)
  }

  /** A worker, or a supervisor that gave up, which counts as an ordinary end. */
  ends(path: string, isAbnormal: boolean): void {
    const at = path.lastIndexOf('/')
    const parent = this.supervisors.get(path.slice(0, at)) as Running
    const index = parent.children.findIndex(({ id }) => id === path.slice(at + 1))
    const child = parent.children[index] as Plan
    this.stop(parent, child)
    const isDue = child.restart === 'permanent' || (child.restart === 'transient' && isAbnormal)
    if (!isDue) {
      if (child.restart === 'temporary') parent.children = parent.children.filter(each => each !== child)
      return
    }
    if (++parent.restarts > parent.plan.intensity) {
      for (const each of parent.children) this.stop(parent, each)
      this.supervisors.delete(parent.path)
      if (parent.path !== this.root) this.ends(parent.path, false)
      return
    }
    const { strategy } = parent.plan
    const from = strategy === 'one-for-all' ? 0 : index
    const group = strategy === 'one-for-one' ? [child] : parent.children.slice(from)
    for (const each of group) this.stop(parent, each)
    parent.children = parent.children.filter(each => !group.includes(each) || each.restart !== 'temporary')
    for (const each of group) if (each.restart !== 'temporary') this.start(parent, each)
  }

  private start({ path }: Running, { id, supervises }: Plan): void {
    const own = `${path}/${id}`
    if (supervises !== null) {
      this.startSupervisor(own, supervises)
      return
    }
    this.starts.set(own, (this.starts.get(own) ?? 0) + 1)
    this.alive.add(own)
  }

  private startSupervisor(path: string, plan: SupervisorPlan): void {
    const running: Running = { plan, path, children: plan.children, restarts: 0 }
    this.supervisors.set(path, running)
    for (const child of plan.children) this.start(running, child)
  }

  private stop({ path }: Running, { id }: Plan): void {
    const own = `${path}/${id}`
    this.alive.delete(own)
    const running = this.supervisors.get(own)
    if (running === undefined) return
    for (const child of running.children) this.stop(running, child)
    this.supervisors.delete(own)
  }
}
