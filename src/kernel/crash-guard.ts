import { Scheduled } from './scheduled.ts'

/** What becomes of an actor whose handler failed: it goes on as it was, is to be restarted, or ends for another reason. */
export type CrashVerdict = 'resume' | 'restart' | 'end'

/** Asked by a held child in the middle of its crash, for its supervisor. Must not throw, and must not wait. */
export interface CrashGuard {
  /** How often one message is handled before it is parked; 1: it is never redelivered. */
  readonly attempts: number
  /** `canResume`: its state is what it was before the message, and nothing of it still runs. */
  crashed(error: Error, canResume: boolean): CrashVerdict
}

/** A message that has crashed its actor and comes again. (An ask's envelope counts its crashes itself.) */
export class Redelivered extends Scheduled {
  readonly message: unknown
  readonly crashes: number

  constructor(message: unknown, crashes: number, echoDepth: number) {
    super(echoDepth)
    this.message = message
    this.crashes = crashes
  }

  arrive(): boolean {
    return true
  }
}
