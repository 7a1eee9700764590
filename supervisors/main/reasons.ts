/** What the domain says in one word, with what a person wants to know beside it. Other reasons speak for themselves. */
export const inPlainWords = (reason: string): string => {
  const meaning = MEANINGS[reason]
  return meaning === undefined ? reason : `${reason}: ${meaning}`
}

const MEANINGS: Readonly<Record<string, string>> = {
  'other-content': 'an application with this id and other values was submitted before, and that one counts',
}
