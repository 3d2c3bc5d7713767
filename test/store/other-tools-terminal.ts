/** Makes a program that talks to a pipe believe that it has a terminal. */
Object.assign(process.stdin, { isTTY: true, setRawMode: () => process.stdin })
Object.assign(process.stdout, { isTTY: true, columns: 200, rows: 60 })
