// Where the tests find the server; the harness sets it.

export const url = process.env.WEIR_URL;
export const token = process.env.APP_TOKEN;
export const singleToken = process.env.SINGLE_TOKEN;
export const path = (gateway, rest) => `${url}/v1/acme/${gateway}/${rest}`;
export const unique = () => `question ${crypto.randomUUID().replaceAll("-", "")}`;
