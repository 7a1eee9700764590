/**
 * Questions that come up one by one, as entities start: those of one turn travel in one call. A quote starts two entities;
 * a call for each head took a tenth of its processor time on Redis (Node 20.20, bench `quotes-redis`).
 */
export class AskedTogether<Question, Answer> {
  readonly #askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>
  #questions: Question[] = []
  #answers: Promise<readonly Answer[]> | null = null

  /** `askAll` answers in the order of the questions. */
  constructor(askAll: (questions: readonly Question[]) => Promise<readonly Answer[]>) {
    this.#askAll = askAll
  }

  /** **Errors**: those of `askAll`, for all that were asked together. */
  async ask(question: Question): Promise<Answer> {
    const index = this.#questions.push(question) - 1
    this.#answers ??= this.#askTogether()
    return (await this.#answers)[index]!
  }

  async #askTogether(): Promise<readonly Answer[]> {
    // Those that come up in the same turn have asked once it is over.
    await null
    const questions = this.#questions
    this.#questions = []
    this.#answers = null
    return this.#askAll(questions)
  }
}
