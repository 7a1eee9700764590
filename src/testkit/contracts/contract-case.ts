/**
 * One promise of a contract, as a test that any runner can run:
 *
 *     for (const { name, run } of journalContract(…)) it(name, run)
 */
export interface ContractCase {
  /** What is promised. */
  readonly name: string
  /** Rejects with an AssertionError where the promise is broken; resolves with `skipped` where it does not apply. */
  run(): Promise<'passed' | 'skipped'>
}
