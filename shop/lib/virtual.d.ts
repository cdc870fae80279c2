declare module 'virtual:contract' {
  const descriptor: object;
  export default descriptor;
}

declare module '*.css' {
  const text: string;
  export default text;
}
