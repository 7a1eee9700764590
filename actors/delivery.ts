/** A command on its way to one entity: which kind of actor, which one of them, and what it is told. */
export interface Delivery<Kind extends string, Command> {
  readonly kind: Kind
  readonly id: string
  readonly command: Command
}

export const deliver = <Kind extends string, Command>(
  kind: Kind,
  id: string,
  command: Command,
): Delivery<Kind, Command> => ({ kind, id, command })
