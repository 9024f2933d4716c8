use crate::world::{World, noon};

/// The claim's own statement, as the store sends it.
const CLAIM: &str = "EXPLAIN (COSTS OFF) WITH picked AS (
     SELECT x.prospect_id
     FROM unnest($2::smallint[], $3::integer[]) AS pair(priority, zone_set_id)
     CROSS JOIN LATERAL (
         SELECT q.prospect_id FROM queue q
         WHERE q.campaign_id = $1 AND q.zone_set_id = pair.zone_set_id AND q.priority = pair.priority
           AND q.state = 0 AND q.agent_id IS NULL AND q.next_attempt_at <= $4
         ORDER BY q.next_attempt_at LIMIT $5 FOR UPDATE SKIP LOCKED) x
     LIMIT $5)
 UPDATE queue q SET state = 1, lease = nextval('lease_token')
 FROM picked WHERE q.campaign_id = $1 AND q.prospect_id = picked.prospect_id AND q.state = 0
 RETURNING q.prospect_id";

const PAIRS: &str = "EXPLAIN (COSTS OFF) SELECT z.id, p.priority::smallint
   FROM zone_set z CROSS JOIN generate_series(4, 0, -1) AS p(priority)
   CROSS JOIN LATERAL (
       SELECT 1 FROM queue q
       WHERE q.campaign_id = $1 AND q.zone_set_id = z.id AND q.priority = p.priority AND q.state = 0
         AND q.agent_id IS NULL AND q.next_attempt_at <= $2
       ORDER BY q.next_attempt_at LIMIT 1) due
   ORDER BY p.priority DESC, z.id";

/// The card's own statement, which every claim sends.
const PROMISES: &str = "EXPLAIN (COSTS OFF) SELECT b.prospect_id, b.at, b.note, c.name, g.name
   FROM queue q
   JOIN campaign c ON c.id = q.campaign_id AND c.seller = $2
   JOIN callback b ON b.campaign_id = q.campaign_id AND b.prospect_id = q.prospect_id AND b.state = 'open'
   LEFT JOIN account g ON g.id = b.agent_id
   WHERE q.prospect_id = ANY($1) ORDER BY b.at, b.id";

/// One probe of the statement that looks for a campaign's currencies.
const CURRENCY: &str = "EXPLAIN (COSTS OFF) SELECT l.list_id,
       (SELECT min(p.currency) FROM prospect p WHERE p.list_id = l.list_id AND p.currency > 'EUR')
   FROM campaign_list l WHERE l.campaign_id = $1";

#[tokio::test]
async fn a_claim_on_a_full_queue_reads_the_due_index_and_nothing_else() {
    let world = World::with(1).await;
    let pool = world.store.pool_for_tests();
    for statement in [
        "INSERT INTO zone_set (zones) SELECT ARRAY['Zone/' || n] FROM generate_series(1, 30) n",
        "INSERT INTO prospect (list_id, external_id, zone_set_id, amount_minor, currency)
         SELECT l.id, 'bulk-' || n, 1 + n % 20, n, 'RUB' FROM list l, generate_series(1, 60000) n",
        "INSERT INTO queue (campaign_id, prospect_id, zone_set_id, state, priority, next_attempt_at)
         SELECT c.id, p.id, p.zone_set_id, 0, p.id % 4, '2026-06-15'::timestamptz + p.id % 100000 * interval '1 s'
         FROM campaign c, prospect p ON CONFLICT DO NOTHING",
        "ANALYZE",
    ] {
        sqlx::query(statement).execute(&pool).await.unwrap();
    }
    let plan: Vec<String> = sqlx::query_scalar(CLAIM)
        .bind(world.campaign.0)
        .bind(vec![3_i16, 2, 1, 0])
        .bind(vec![1, 2, 3, 4])
        .bind(noon().utc())
        .bind(100_i64)
        .fetch_all(&pool)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("Index Scan using q_due on queue"), "{plan}");
    assert!(
        !plan.contains("Seq Scan") && !plan.contains("Sort"),
        "{plan}"
    );
    let plan: Vec<String> = sqlx::query_scalar(PAIRS)
        .bind(world.campaign.0)
        .bind(noon().utc())
        .fetch_all(&pool)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(plan.contains("using q_due on queue"), "{plan}");
    assert!(!plan.contains("Seq Scan on queue"), "{plan}");
    let plan: Vec<String> = sqlx::query_scalar(PROMISES)
        .bind((1_i64..=100).collect::<Vec<_>>())
        .bind("Shop")
        .fetch_all(&pool)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(!plan.contains("Seq Scan on queue"), "{plan}");
    let plan: Vec<String> = sqlx::query_scalar(CURRENCY)
        .bind(world.campaign.0)
        .fetch_all(&pool)
        .await
        .unwrap();
    let plan = plan.join("\n");
    assert!(
        plan.contains("using prospect_currency on prospect"),
        "{plan}"
    );
}
