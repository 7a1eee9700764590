declare const centsBrand: unique symbol

/** An amount of EUR in whole cents. */
export type Cents = number & { readonly [centsBrand]: true }

/** **Errors**: RangeError for anything but a whole number from 0 to 90 trillion cents, which doubles count exactly. */
export const cents = (amount: number): Cents => {
  if (!(amount >= 0 && amount <= CENTS_MAX && Number.isInteger(amount)))
    throw new RangeError(`${amount} is no amount in cents: expected a whole number from 0 to ${CENTS_MAX}`)
  return amount as Cents
}

/** A hundredth of the safe integers: taxes are worked out as `33 x amount` and must stay exact. */
const CENTS_MAX = 90_000_000_000_000
