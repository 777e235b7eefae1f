import { verifyE2e } from '../../lib/verify/e2e.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('e2e', verifyE2e);
