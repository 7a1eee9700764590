import { RuntimeError } from '../../base/errors.ts'

export interface ArchiveOptions {
  /** Where segments go as files; it is made if it is not there. Of its own: not within the folder of a store. */
  readonly folder: string
  /**
   * A segment is closed when the next block would take it beyond. **Units**: bytes. **Bounds**: 1 KiB to 1 GiB. Default: 64
   * MiB.
   */
  readonly segmentBytes?: number
}

export const SEGMENT_BYTES = 64 * 1_048_576
const SEGMENT_BYTES_MIN = 1_024
const SEGMENT_BYTES_MAX = 1_073_741_824
/** **Errors**: JOURNAL_MISCONFIGURED. */
export const checkArchiveOptions = (options: ArchiveOptions | undefined): ArchiveOptions | null => {
  if (options === undefined) return null
  const { folder, segmentBytes = SEGMENT_BYTES } = options
  if (typeof folder !== 'string' || folder === '')
    throw new RuntimeError('JOURNAL_MISCONFIGURED', `archive.folder must be a path, not ${JSON.stringify(folder)}`)
  if (!Number.isInteger(segmentBytes) || segmentBytes < SEGMENT_BYTES_MIN || segmentBytes > SEGMENT_BYTES_MAX)
    throw new RuntimeError(
      'JOURNAL_MISCONFIGURED',
      `archive.segmentBytes is ${segmentBytes}: give ${SEGMENT_BYTES_MIN} to ${SEGMENT_BYTES_MAX}`,
    )
  return { folder, segmentBytes }
}
