//! Translates the SQS event into a batch, and the result into the partial batch response.

use crate::batch::{self, Deps};
use aws_lambda_events::event::sqs::{SqsBatchResponse, SqsEvent};
use lambda_runtime::{Error, LambdaEvent};
use runtime::{deadline, sqs_event};

/// Handles one batch of the orders queue.
pub async fn handle_event(deps: &Deps, event: LambdaEvent<SqsEvent>) -> Result<SqsBatchResponse, Error> {
    let deadline = deadline::from_context(&event.context, &*deps.sessions.clock);
    let LambdaEvent { payload, context } = event;
    let batch = async {
        let messages = sqs_event::read_messages(payload)?;
        Ok(sqs_event::batch_response(Box::pin(batch::process_batch(deps, messages, deadline)).await))
    };
    deps.invocations.run_invocation(&context, batch).await
}
