"""Words that tell a person from a machine, and a secret from what is said about one."""

from __future__ import annotations

import re


def _words(text: str) -> frozenset[str]:
    return frozenset(text.split())


MACHINES = _words(
    """
    root admin administrator postgres postgresql mysql mariadb redis kafka mongo mongodb rabbitmq
    guest app apps application service services svc system sys daemon nobody www data ubuntu debian
    centos ec2 jenkins gitlab github git runner ci cd bot robot default anonymous anon unknown none
    null nil true false user users username customer customers client clients patient name names
    test tests testing tester demo example prod production staging stage dev qa etl loader ingest
    ingestion ingester pipeline pipelines observer grafana prometheus alertmanager loki tempo
    elastic elasticsearch kibana logstash fluentd vector nginx apache httpd haproxy envoy traefik
    docker kubernetes kube kubelet kubectl helm argo argocd flux terraform ansible vault consul
    nomad deploy deployer deployment backup replication replicator replica reader writer read write
    readonly readwrite owner public private internal external local localhost remote host hosts node
    nodes pod pods container containers cluster server servers worker workers queue queues topic
    topics broker producer consumer consumers scheduler cron job jobs task tasks batch
    transformation transform indexing index loading load cache proxy gateway api rest http https
    error errors warning critical info failure failed failures timeout latency rate high low full
    disk memory cpu network database db table tables schema column row rows record records key keys
    value values type status state session sessions token tokens request requests response account
    accounts order orders incident incidents alert alerts event events message messages monitor
    monitoring metrics metric log logs agent agents manager support team teams oncall operator
    operations ops infra platform security sre engineering engineer analytics report reporting
    reports dashboard console web site page pages frontend backend mobile android ios cloud aws
    azure gcp google amazon microsoft slack telegram pagerduty stripe connection connections connect
    exception function method class object module package import file files path folder world all
    everyone everybody there sir madam folks colleagues again mailer noreply reply expected required
    invalid missing not is was has had the this that at on by for from with and or to of in new old
    first last id ids uuid ok yes no up down healthy unhealthy degraded ready stuck frozen running
    stopped restarted restart waiting resolved escalated acknowledged open closed critical major
    minor summary description title subject date time hour day week month january february march
    april may june july august september october november december monday tuesday wednesday thursday
    friday saturday sunday checkpoint throughput depth excessive lag offset partition segment
    snapshot stream flow source sink spark airflow dagster dbt flink clickhouse snowflake bigquery
    oracle sqlserver supervisor supervisord systemd celery gunicorn uvicorn java python node ruby
    arn urn golang rust linux windows chrome mozilla firefox safari
    """
)
"""What is no person's name, however it is labelled."""

THINGS = _words(
    """
    abort about above accelerator access accounting acl acquisition across activation active
    adapter adapters admission advanced advisor advisory affected africa african after against
    agency aggregation aggregator airbnb airbyte alerting align alignment allocation allocator
    almost along already also always america american amplitude anomaly another any approx archive
    archiver archiving arn artifact asia asian asset assets async athena atlantic atlassian
    attribution audience audit auditor australia authentication authority authorization auto
    autopilot autoscaler availability average avro azkaban backfill backlog bad balance balancer
    bandwidth banking basic bastion before behind below beta better between beyond bgp big billing
    bitbucket blob block blocks blue board boot bots bottleneck branch braze breach breaker
    breakers bridge bronze browser bucket budget buffer bugsnag build builder bulk bureau bus
    business caching calendar california campaign cancel capacity capture card cards cart
    cassandra catalog cdc cdn center central centre ceph certificate chain change changelog
    changes channel chaos chapter charge chart chatops check checker checkout checks chief circuit
    classes cleaner cleanup clearing click clinical cockroach code codec cold collection
    collections collector command commerce commission commit committee common compaction company
    compatibility compliance component compute config configuration confluence confluent connector
    connectors content contract control controller conversion coordinator copy core corp corporate
    corporation correlation cost couch council counter counts coverage crash crawler credit crew
    crm curation current cut cutover cyber cycle daily dark datadog dataset datasets dead debezium
    deep defined delayed delivery delta demand department dependency desk desktop destination
    detection detector development device dhcp different digest digital direct directory disaster
    discovery dispatch dispatcher distributed distribution division dns docs document
    documentation documents domain downstream downtime drain drift driver druid dry dublin dump
    dunning duplicate during duty dynamic dynamo each edge edition election email emergency emr
    encryption endpoint engine enrichment enterprise entity entry environment escalation europe
    european evaluation evaluator every eviction exactly examples exchange execution executor
    expectations experience experiment export exporter exposure express extract extractor factory
    failover fallback fast fault feature features federation feed fetch few filter finance
    financial firestore firewall fiscal fivetran fixed flag flags fleet flush follow force
    forecast forecasting format foundation frankfurt fraud freeze frequency freshness front
    fulfillment fulfilment funnel garbage gate generation generator geo germany global glue
    gluster golden governance graph great greenhouse gross group growth guard guide half handbook
    handler hard hardware hdfs headless health heap heartbeat help history hive honeycomb hook
    horizontal hot hourly hours housekeeping how hub hubspot hudi hybrid iam iceberg identity idle
    image impact impala importer inbound inbox indexer industries information infrastructure
    ingress initial input insights instance institute insurance integration integrity intelligence
    interface invoice invoices invoicing isolation issue item items iterable iteration jaeger
    japan jira join journal just jwt kerberos kernel keycloak kinesis kingdom kit knowledge known
    kyc lab labs lake lakeformation lakehouse lambda large late lateness latest launch layer ldap
    leak least ledger legacy legal less level library lifecycle limit limited limiter limits line
    lineage link list listener lite live lock logging logic login logistics loop loyalty lucene
    machine mail mailgun main maintenance managed management manifest manual many map mapper
    market marketing marketplace markets mart marts master match matching materialization maximum
    medallion media median medium membership merchant merge mesh mesos metadata microservice
    migration migrator min minimum minio ministry minus minute minutes mirror mission mixpanel
    mode model models modern money monthly months more most move much multi namespace nat native
    near net never newrelic next nifi nightly normal note notification notifications notifier now
    oauth observability office offline offsets often ohio okta oltp onboarding once online only
    onprem oozie operational operators opsgenie optimizer option orchestration orchestrator oregon
    origin other outage outbound outbox output over overall overflow overnight ownership ozone
    pacific paging panel panic parallel parquet parser partial partitions partner partners party
    passive patch patience pattern patterns pause payment payments payout payouts payroll peak
    people performance permission permissions persistent phase physical pilot pinning pinot plan
    plane planner planning platforms playbook please plugin plus point policies policy pool portal
    post postgis postmortem practice practices prediction preference premium presto pricing prime
    principle print priority pro probe problem procedure process processing processor procurement
    product products profile program project projects promotion promtail proof protection protocol
    provider provisioner publisher pull pulsar pump purchase purge push pushgateway quality
    quarantine quarter quarterly query quota rack range ranking rapid raw rbac rds reactor readme
    real rebalance reboot receipt receiver recommendation recommendations reconciler
    reconciliation recovery red redaction redpanda redshift reference refinery refresh refund
    refunds region regional registration registry regression reindex rejected relational relay
    release reliability remediation renewal repair replay repository reservation reserved reset
    resolution resource resources restore result resume retail retention retries retry return
    returns revenue review reviews right risk roll rollback rollbar rolling rollout rollup roster
    rota rotation route router routing rule rules runbook runtime safe safety sales salesforce
    same saml sample sampler samza sanity scale scaler scaling scan scanner schedule scheduled
    science scope score scoring scraper screen scrubber scylla search season second secondary
    seconds secret secrets section sector secure see segfault segmentation self send sender
    sendgrid sensor sentinel sentry serializer series serverless serving ses settlement
    settlements setup severity shadow shard sharding shared shift shipment shipping shop shutdown
    sidecar sign signal simulation singapore skew sla slo slow smart smoke smoothing sns soft
    software solr solution solutions some soon sorry sort space special spend split spot sql sqs
    squad ssh ssl stack staff standard standards standby start starter stateful states static
    statistics stats steady step still stop storage store stores stories story streaming strict
    structured studio subscription success suite super supplier supply surge suspense swap switch
    sync synthetic systems tag tagging target tax tech technical technologies technology telemetry
    template templates temporary tenant tenants terminal terminate third thread threads threat
    three throttle throttling tick ticket tier tiered timer timescale tls today tokenizer tokyo
    tomorrow tool tooling tools top topology total trace tracing track tracker tracking trade
    trading traffic training transaction transactions transfer transfers transformer transit
    transport treasury trend triage trial tribe trigger triggerer trino trust tumbling tuning
    tutorial twice twilio two ultimate under unified unit united universal unlock until update
    updater upgrade upload uploader upstream uptime urgent urn usage utilities utility vacuum
    validation validator vendor vendors verification version vertical via view views virtual
    volume vpn waf wallet warehouse warehousing warm watchdog watcher watermark wave webhook
    webhooks weekly weeks what when where which while why widget wiki window wire wireless within
    without work workflow workload workloads workspace worst yarn years yesterday yet zendesk
    zipkin zone zones zookeeper
    """
)
"""What is no person's name either, unless a first name stands before it: Anna Post is one."""

_ABSTRACT = re.compile(r"\w{3,}(?:tion|sion|ness|ology|ware|bility|ency|izer|ization)s?")


def is_thing(word: str) -> bool:
    """Whether a word in lower case is one of them, or is made as they are."""
    return word in THINGS or _ABSTRACT.fullmatch(word) is not None


FIRST_NAMES = _words(
    """
    adam adrian ahmed aisha alan albert alejandro alex alexander alexandra ali alice alicia amanda
    amelia amelie amy ana anastasia andrea andreas andrew andy angela anita anja ann anna anne
    anthony anton antonio arthur astrid barbara ben benjamin bernd bob boris brian bruno camille
    carl carla carlos carmen carol caroline catherine cecilia charles charlie charlotte chen chloe
    chris christian christina christine christopher claire clara claudia clara cristina daniel
    daniela david deborah denis dennis diana diego dieter dimitri dmitri dmitry dominik donald
    dorothy edward elena eli elisa elizabeth ella ellen emil emily emma eric erik erika eva evelyn
    fatima felix fernando florian frances francesca francesco francisco francois frank franz fred
    frederik fritz gabriel gary george georg gerhard giovanni giulia giuseppe grace greta guillaume
    gustav hannah hans harald harry heather heidi heinz helen helena helga henri henry hugo ian igor
    ingrid irina isabel isabella ivan jack jacob jakob james jan jane janet jason javier jean jeff
    jennifer jens jeremy jessica jim joan joanna joao joe joel johan johanna john jonas jonathan
    jorge jose josef joseph joshua juan judith julia julian julie juergen karen karim karin karl
    katarina kate katharina katherine kathleen katja kenji kevin klaus kofi kumar kurt lars laura
    lea lena leo leon leonardo leonie li liam linda lisa louis louise luca lucas lucia luis luisa
    lukas magdalena manfred manuel marc marco marcus margaret maria mariam marie marina mario marion
    mark markus marta martha martin martina mary mateo matteo matthew matthias maurice max
    maximilian maya mehmet mei melanie melissa michael michel michelle miguel mohamed mohammed
    monica monika nadia natalia natalie nathan nicholas nick nicola nicole nina noah nora oleg olga
    oliver olivia omar oscar otto pablo pamela patricia patrick paul paula pavel pedro peter petra
    philip philipp pierre priya rachel rafael rahul raj ralf ralph raul rebecca renate richard rita
    robert roberto robin roger roland rosa rosie ruth ryan sabine sam samantha samuel sandra sara
    sarah sebastian sergei sergio sharon simon simone siobhan sofia sonia sophie stefan stella
    stephanie stephen steve steven sunita susan susanne sven svetlana sylvia takeshi tanja tara
    thomas tim timothy tina tobias tom tomas tony tracy ulrich ursula valentina vanessa vera victor
    victoria vijay viktor vincent vladimir walter wei werner william wolfgang xavier yan yasmin yuki
    yusuf yves zara zoe mike matt ben josh jake luke adele agnes ahmad akira alexa alexei alfred
    alina alma amir amit amy anders angelika anika annika anton ariel arjun arne ashley axel
    abdul abdullah adaeze aditi aditya agnieszka aiko aino akiko aleksandra alessandro aliya amara
    amina anastasiya andrei andrzej aniket anil anita anjali ankit annette annika anouk antoine
    aoife aparna arturo ashok ayumi ayşe bartosz bilal bogdan bridget caitlin chidi chiara ciara
    consuelo darius deepak dong dmytro ebony edith ehsan eoin esra ewa farah federica feng finn
    freja fumiko geoffrey gita gudrun guadalupe haruto hanna hideo hiroko hugh imani imran ingeborg
    iryna isla jamal jerome jian jia jing jiri joaquin jürgen kaori kasia katarzyna kavita keiko
    kelvin kenji khalid kofi krzysztof kumar kwame lakshmi lars leticia lia liam linda lisa liu
    louis louise lucas lucia luis luisa lukas maciej magda mahmoud maja manuel marc marcin marco
    maria marie mario marta martha martin mary mateo matteo matthew maya mehmet mei michael michel
    miguel mina ming mohamed mustafa nadia naveen neha ngozi nguyen nicolas nicole nikhil nina nora
    oksana olga oliver olivia olu omar oscar patricia patrick paul paula pavel pawel peter petra
    philip pierre pooja priya rachel rahul raj rajesh ramesh ravi rebecca renata rene richard
    rohan rohit ryo sakura salim samir sana sandeep satoshi shreya siddharth siobhán sora soren
    suresh svenja søren tadeusz tariq thandiwe tomasz toshiro tyrone vikram viktoria vivek wanjiru
    zoë zoé josé maría sofía andré rené françois hélène chloé jérôme günther jörg björn lucía inés
    jesús joão antónio mónica ramón raúl sébastien stéphane éric élise amélie aurélie benoît céline
    cédric gaël noël michèle valérie véronique thérèse özgür ömer gökhan łukasz paweł małgorzata
    michał jiří václav tomáš lukáš eliška måns håkan åsa jónas nguyễn émile andrés iván tomás
    xavi xin xiu yasmine yosef yusra zainab zbigniew zofia zuzana
    beatrice beatriz bella benedikt birgit bjorn brandon brenda britta carla carolina catalina cathy
    celine chiara chinedu cindy clemens connor cornelia craig dagmar dan danny dave debbie denise
    derek diane dirk dominic donna doris doug edgar edith eduardo eleanor elif elliot elsa emilia
    emmanuel enrique ernst esther ethan eugene fabian fabio fatma fiona freya gabriela gavin georgia
    gerard gina gloria gordon greg gregory guido gunnar guy hana hannes hassan heike heiko henrik
    herbert hiroshi holger hussein ibrahim ines ingo irene isaac ivana jana janine jasmin jay jeanne
    jenny jesper jill jimmy jo joachim joanne jochen joerg johannes jon jordan josefina judy
    juliette jutta kai kamil karim katerina kathy keith kelly ken kenneth kim kirsten konrad kristin
    kyle larry lauren leila lennart lorenzo lucy ludwig luigi luke lydia magnus malte marcel marek
    margit marianne marko marlene mathias maxim megan michal mikhail mila miriam mohammad monique
    morgan nancy naomi natasha neil nelson nico nikita nils nikos norbert odette oksana olaf ole
    ollie oskar owen pascal pat paulo pedro pekka penny per phil phillip pia piotr rafal ralph ramon
    randy rashid raymond regina reza ricardo rick rob rodrigo ronald ross roy rudolf russell sabrina
    sally salma sanjay scott sean selma serge shane shaun sheila silke silvia simona snezana sonja
    stacy stanislav stefanie sue susi swati sydney tamara tatiana ted teresa terry theo theresa
    thorsten till tino todd toni travis trevor uwe valeria valerie vanya veronica viola vivian
    volker wade wanda wayne wendy wilhelm willi yannick yvonne zeynep zhang
    """
)

ALSO_WORDS = _words(
    """
    max mark grace frank art rose will jean per an may june april eva ella dieter ada guy pat penny
    till per jay jordan sydney georgia ross toni ole gloria viola morgan ariel axel
    """
)
"""First names that are words, too: only a label makes them somebody."""

SAID_OF_SECRETS = _words(
    """
    none null nil undefined true false yes no on off empty blank unset set missing required optional
    mandatory invalid incorrect wrong bad expired revoked rejected denied accepted refused mismatch
    mismatched match matches failed failure error ok valid verified verification unknown changed
    changing reset resetting rotated rotation updated update removed deleted hidden masked redacted
    filtered encrypted hashed omitted secret password passwords token tokens key keys credentials
    credential authentication authorization auth bearer basic digest negotiate ntlm kerberos type
    hash policy file path store manager provider prompt field value string str bytes int integer
    bool boolean object number char default from for in of at to by with and or the a an is was are
    were be been has have had not must should may can cannot could would will does did do if then
    than when while that this it its your our their please see using used uses use sent received got
    expected unexpected near found provided supplied given configured count length size limit usage
    budget stream bucket ring refresh refreshed refreshing access identity service account accounts
    user users client server request response header headers cookie session login logout signin
    lookup check checked validation validated rule rules name names public private shared example
    placeholder changeme todo tbd n/a identifier number string eof newline whitespace colon
    semicolon comma end begin left used
    """
)
"""What stands behind `password:` or `token` without being one."""
