import { verifyStyleTokens } from '../../lib/verify/style_tokens.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('style_tokens', verifyStyleTokens);
