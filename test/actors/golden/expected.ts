/** A row of a file with what must come out, by column; these files have no quotes. */
export type ExpectedRow = Readonly<Record<string, string>>

export const expectedRows = (csv: string): ExpectedRow[] => {
  const [header = '', ...lines] = csv.trim().split('\n')
  const columns = header.split(',')
  return lines.map(line => {
    const values = line.split(',')
    return Object.fromEntries(columns.map((column, index) => [column, values[index] ?? '']))
  })
}
