/**
 * Standard output and error, where whoever reads them may go away (`npm start | head -1`). The work of a run is its store
 * and `--out`, so it goes on to its end without the reader; what is written from then on is lost.
 */

/** What an output failed with other than that its reader went away, a full disk for one; null: nothing so far. */
export interface OutputFailure {
  readonly error: Error | null
}

/** From now on neither output ends the process. Gives what standard output fails with. */
export const outliveReaders = (stdout: NodeJS.WriteStream, stderr: NodeJS.WriteStream): OutputFailure => {
  const failure: { error: Error | null } = { error: null }
  stdout.on('error', (error: NodeJS.ErrnoException) => {
    if (isReaderGone(error) || failure.error !== null) return
    failure.error = error
    stderr.write(`standard output cannot be written: ${error.message}; the run goes on without it\n`)
  })
  // There is no place left where it could be told.
  stderr.on('error', () => undefined)
  return failure
}

const isReaderGone = ({ code }: NodeJS.ErrnoException): boolean => code === 'EPIPE' || code === 'ERR_STREAM_DESTROYED'
