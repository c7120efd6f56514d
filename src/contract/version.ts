/** The version that results and recipes name. A test holds it equal to package.json's, which a built worker need not have at hand. */
export const VERSION = '0.1.0';
