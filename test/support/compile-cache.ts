/** For processes that get no other environment from us: what Node compiled for one is there for the next. */
export const compileCache = (): Record<string, string> => {
  const { NODE_COMPILE_CACHE: folder } = process.env
  return folder === undefined ? {} : { NODE_COMPILE_CACHE: folder }
}
