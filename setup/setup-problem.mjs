/** Something that the set-up needs and cannot have: the message says what, the remedy says what to type or do. */
export class SetupProblem extends Error {
  constructor(message, remedy) {
    super(message);
    this.name = 'SetupProblem';
    this.remedy = remedy;
  }
}
