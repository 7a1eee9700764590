// Sides of a question, as the frame wants them.

/** `run` is given `operations` and must come to as many. */
export const side = (operations, run) => ({ run: () => run(operations), checksum: operations })

/** floor.mjs answers the figure alone. */
export const floorSide = run => ({ run: async () => ({ value: await run() }) })

/** A bound that is promised stands beside what was measured, and a goal is held against it like against any side. */
export const limitSide = value => ({ run: async () => ({ value }) })

/** `{ erlang: … }`, or nothing where there is none. Its workload is `module:run(…args)`, for operations a second. */
export const erlangSide = (erlang, module, args, operations) =>
  erlang === null
    ? {}
    : {
        erlang: {
          run: async () => {
            const { seconds, checksum } = await erlang.run(module, args)
            return { value: operations / seconds, checksum }
          },
          checksum: operations,
        },
      }

/** Goals against sides that are not here cannot be met or missed. */
export const withPresentGoals = question => ({
  ...question,
  goals: (question.goals ?? []).filter(({ against }) => question.sides[against] !== undefined),
})
