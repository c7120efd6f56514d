import Type from 'typebox';
import { ERRORS, type ErrorCode, type ProblemDetails } from '../../contract/errors.ts';
import { PROBLEM_CODES } from '../../core/problem.ts';
import { closed, named, shape } from './shape.ts';

/** RFC 9457 problem details: every error of this door. */
export const PROBLEM = named<ProblemDetails>(
  'Problem',
  shape<ProblemDetails>()(
    Type.Object(
      {
        type: Type.String({ format: 'uri' }),
        title: Type.String(),
        status: Type.Integer({ minimum: 400, maximum: 599 }),
        code: Type.Enum(Object.keys(ERRORS) as ErrorCode[]),
        detail: Type.String(),
        problems: Type.Optional(
          Type.Array(
            Type.Object(
              {
                code: Type.Enum([...PROBLEM_CODES]),
                subject: Type.String({ description: 'Where it is: a path such as `loras[1].weight`, or a file.' }),
                message: Type.String(),
              },
              closed,
            ),
            { description: 'Everything that is wrong with an input.' },
          ),
        ),
        retry_after_s: Type.Optional(Type.Number({ description: 'Seconds after which it is worth trying again.' })),
      },
      { ...closed, description: 'Why something cannot be done (RFC 9457).' },
    ),
  ),
);
