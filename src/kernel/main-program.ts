/** The process is to end with an exit code that says so; one that somebody has set stays. */
export const programFailed = (): void => {
  process.exitCode ||= 1
}
