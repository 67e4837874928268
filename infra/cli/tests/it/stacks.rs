//! `--stack NAME`: a server answers as CloudFormation, Secrets Manager and SQS, and the commands find API, token and queues
//! there.

use crate::dead_letters::{order_message, send_message};
use crate::shop::{FinishedRun, Shop, run_connector, test_environment};
use aws_config::{BehaviorVersion, Region};
use aws_sdk_sqs::config::Credentials;
use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::State;
use axum::http::{Request, StatusCode};
use axum::response::{IntoResponse, Response};
use cli::environment::Environment;
use local::stack::{OPERATOR_TOKEN, ORDERS_QUEUE};
use simulators::{Server, spawn_server};
use tower::ServiceExt;

#[derive(Clone)]
struct FakeCloud {
    api: String,
    sqs: Router,
}

async fn spawn_cloud(shop: &Shop) -> Server {
    let sqs = local::sqs::build_router(shop.stack.aws.queues.clone());
    let state = FakeCloud { api: shop.stack.api_server.url(), sqs };
    spawn_server(Router::new().fallback(answer_request).with_state(state)).await.unwrap()
}

async fn answer_request(State(cloud): State<FakeCloud>, request: Request<Body>) -> Response {
    let (parts, body) = request.into_parts();
    let body: Bytes = axum::body::to_bytes(body, 1_000_000).await.unwrap();
    let target = parts.headers.get("x-amz-target").map(|target| target.to_str().unwrap().to_owned());
    match target.as_deref() {
        Some("secretsmanager.GetSecretValue") => {
            let asked: serde_json::Value = serde_json::from_slice(&body).unwrap();
            assert_eq!(asked["SecretId"], "arn:the-token");
            let answer =
                serde_json::json!({ "ARN": "arn:the-token", "Name": "t", "SecretString": OPERATOR_TOKEN });
            answer.to_string().into_response()
        }
        Some(_) => cloud.sqs.oneshot(Request::from_parts(parts, Body::from(body))).await.unwrap(),
        None => answer_cloudformation(&cloud.api, std::str::from_utf8(&body).unwrap()),
    }
}

fn answer_cloudformation(api: &str, form: &str) -> Response {
    let refused = |message: &str| {
        let body = format!(
            "<ErrorResponse><Error><Type>Sender</Type><Code>ValidationError</Code><Message>{message}</Message></Error></ErrorResponse>"
        );
        (StatusCode::BAD_REQUEST, body).into_response()
    };
    if form.contains("StackName=gone") {
        return refused("Stack with id gone does not exist");
    }
    if form.contains("StackName=secret") {
        let body = "<ErrorResponse><Error><Code>AccessDenied</Code><Message>User: me is not authorized to perform: it</Message></Error></ErrorResponse>";
        return (StatusCode::FORBIDDEN, body).into_response();
    }
    if form.contains("Action=DescribeStackResource") {
        let queues = [
            ("OrdersQueue", "orders"),
            ("OrdersDeadLetters", "orders-dead-letters"),
            ("PollDeadLetters", "poll-dead-letters"),
        ];
        let known = queues
            .iter()
            .find(|(id, _)| form.split('&').any(|pair| pair == format!("LogicalResourceId={id}")));
        return match known {
            Some((_, queue)) => format!(
                "<DescribeStackResourceResponse><DescribeStackResourceResult><StackResourceDetail><PhysicalResourceId>\
                 http://localhost/000000000000/{queue}.fifo</PhysicalResourceId></StackResourceDetail></DescribeStackResourceResult>\
                 </DescribeStackResourceResponse>"
            )
            .into_response(),
            None => refused("Resource X does not exist for stack demo"),
        };
    }
    let outputs = if form.contains("StackName=demo") {
        format!(
            "<member><OutputKey>ApiUrl</OutputKey><OutputValue>{api}</OutputValue></member>\
             <member><OutputKey>OperatorTokenArn</OutputKey><OutputValue>arn:the-token</OutputValue></member>"
        )
    } else {
        String::new()
    };
    format!(
        "<DescribeStacksResponse><DescribeStacksResult><Stacks><member><StackName>x</StackName><CreationTime>2026-01-01T00:00:00Z\
         </CreationTime><StackStatus>CREATE_COMPLETE</StackStatus><Outputs>{outputs}</Outputs></member></Stacks></DescribeStacksResult>\
         </DescribeStacksResponse>"
    )
    .into_response()
}

async fn run_with_aws(server: &Server, arguments: &[&str]) -> FinishedRun {
    let aws = aws_config::defaults(BehaviorVersion::v2026_01_12())
        .http_client(runtime::aws::http_client().unwrap())
        .endpoint_url(server.url())
        .region(Region::new("eu-west-1"))
        .credentials_provider(Credentials::new("key", "secret", None, None, "test"))
        .load()
        .await;
    // The environment holds a token too, of another deployment: it must not be used.
    let environment = Environment { aws: Some(aws), token: Some("canary".into()), ..test_environment() };
    run_connector(&environment, arguments, "").await
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_api_and_its_token_are_found() {
    let shop = Shop::with_connection().await;
    let cloud = spawn_cloud(&shop).await;
    let found = run_with_aws(&cloud, &["connection", "show", "acme", "--stack", "demo", "--json"]).await;
    assert_eq!(found.exit, 0, "{found:#?}");
    assert!(found.out.contains("\"id\":\"acme\""));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_wrong_with_a_stack_is_said() {
    let shop = Shop::without_connection().await;
    let cloud = spawn_cloud(&shop).await;
    for (name, exit) in [("gone", 3), ("bare", 3), ("secret", 4)] {
        let ended = run_with_aws(&cloud, &["connection", "list", "--stack", name]).await;
        assert_eq!((ended.exit, ended.out.as_str()), (exit, ""), "{ended:#?}");
        insta::assert_snapshot!(format!("stack_{name}"), ended.err);
    }
    let ended = run_with_aws(&cloud, &["dead-letters", "list", "--stack", "gone"]).await;
    assert_eq!(ended.exit, 3, "{ended:#?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn dead_letters_of_a_stack_are_its_resources() {
    let shop = Shop::without_connection().await;
    let cloud = spawn_cloud(&shop).await;
    send_message(
        &shop,
        "http://localhost/000000000000/orders-dead-letters.fifo",
        "acme",
        &order_message("acme", "PF-1"),
    )
    .await;
    let listed = run_with_aws(&cloud, &["dead-letters", "list", "--stack", "demo"]).await;
    assert_eq!(listed.exit, 0, "{listed:#?}");
    insta::assert_snapshot!("stack_dead_letters", listed.out);
    shop.clock.advance_by(jiff::SignedDuration::from_secs(5));
    let moved = run_with_aws(&cloud, &["dead-letters", "redrive", "orders", "--stack", "demo"]).await;
    assert_eq!(moved.exit, 0, "{moved:#?}");
    assert_eq!(shop.stack.aws.queues.messages_in(ORDERS_QUEUE).len(), 1);
    let none = run_with_aws(&cloud, &["dead-letters", "redrive", "sweeps", "--stack", "demo"]).await;
    assert_eq!(none.exit, 3);
}
