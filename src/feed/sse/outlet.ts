/** Where a subscription's bytes go: a socket, or a web stream. */
export interface Outlet {
  /** Whether more may be written now; where not, `FeedSubscription.roomAgain` says when. */
  readonly hasRoom: boolean
  write(bytes: Buffer): void
  /** An end in order. */
  end(): void
  /** Gives up on a reader that does not read, and on what waits for it. */
  cut(): void
}
