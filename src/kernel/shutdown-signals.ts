const SIGNALS = ['SIGTERM', 'SIGINT'] as const

/**
 * Calls `end` at the first SIGTERM or SIGINT of this process, and then leaves both as they were: the next one has the
 * effect that it has without Troupe, which is the end of the process where nobody else listens. The function that comes
 * back leaves them at once.
 */
export const onShutdownSignal = (end: (signal: NodeJS.Signals) => void): (() => void) => {
  const leave = (): void => {
    for (const signal of SIGNALS) process.off(signal, heard)
  }
  const heard = (signal: NodeJS.Signals): void => {
    leave()
    end(signal)
  }
  for (const signal of SIGNALS) process.on(signal, heard)
  return leave
}
