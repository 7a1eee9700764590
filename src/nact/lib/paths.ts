/** Characters of URLs that mean themselves, as nact allows them in names. */
const NAME = /^[a-z0-9-$_.+!*'(),]+$/i

/** Where an actor is: its system, and the names on the way down to it. */
export class ActorPath {
  readonly system: string
  readonly parts: readonly string[]

  constructor(parts: readonly string[], system: string) {
    this.system = system
    this.parts = parts
  }

  static root(system: string): ActorPath {
    return new ActorPath([], system)
  }

  static isValidName(name: unknown): boolean {
    return typeof name === 'string' && NAME.test(name)
  }

  /** **Errors**: Error for a name with other characters than those of URLs. */
  createChildPath(name: string): ActorPath {
    if (!ActorPath.isValidName(name))
      throw new Error(
        `Invalid argument: ${JSON.stringify(name)} is no name of an actor: give letters, digits and -$_.+!*'(), only`,
      )
    return new ActorPath([...this.parts, name], this.system)
  }

  toString(): string {
    return `${this.system}://${this.parts.join('/')}`
  }
}
