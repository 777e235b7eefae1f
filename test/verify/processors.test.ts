import { verifyProcessors } from '../../lib/verify/processors.ts';
import { everyCheckPasses } from '../support/golden.ts';

everyCheckPasses('processors', verifyProcessors);
